"""One paper of the user's own under review: `bench review` and `bioreview_bench.review`."""

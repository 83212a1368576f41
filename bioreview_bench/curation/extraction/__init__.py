"""From letters of reviewers to concerns, and how well they agree with those that people find."""

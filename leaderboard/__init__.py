"""Submissions: validation, server-side scoring, ranking, the web page.

The rooms, top to bottom; an import goes downwards only:

    cli        `bench leaderboard ...` and `bench submit ...`
    serving    the application, its process, and a worker beside it
    web        pages, live and as a static site
    submit     sending a submission to a board, a local file, or the Hub
    http       the JSON interface: sign-in, limits, uploads, health; and archive, copies of a board
    worker     scores what is due, by lease
    ranking    from results to a table
    intake     reading and checking what is submitted
    boards     setting a board up, and what it is about
    store      the database
    settings, names
"""

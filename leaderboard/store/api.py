"""Every change to a board, each as one short transaction; the parts are in the modules of this folder.

All functions take the board's `Database` first. What a user can fix is raised as an InputError of `common`.
"""

from .common import bump as bump_version
from .leases import Claim, claim, extend, fail, give_back, release_stale
from .settings import (
    BoardSplit,
    board_version,
    get_contract,
    get_settings,
    get_split,
    put_board,
    put_settings,
    stale_tables,
    table_built,
)
from .status import SubmissionStatus, status, status_for, submissions_of
from .submissions import (
    Package,
    Scored,
    enter,
    mark,
    pack,
    predictions_bytes,
    receive,
    record_results,
    requeue,
    submissions_with,
    unpack,
    withdraw,
)
from .users import UserInfo, add_user, find_user, list_users, renew_token, revoke_user, user_info, user_of_token

__all__ = [
    "BoardSplit",
    "Claim",
    "Package",
    "Scored",
    "SubmissionStatus",
    "UserInfo",
    "add_user",
    "board_version",
    "bump_version",
    "claim",
    "enter",
    "extend",
    "fail",
    "find_user",
    "get_contract",
    "get_settings",
    "get_split",
    "give_back",
    "list_users",
    "mark",
    "pack",
    "predictions_bytes",
    "put_board",
    "put_settings",
    "receive",
    "record_results",
    "release_stale",
    "renew_token",
    "requeue",
    "revoke_user",
    "stale_tables",
    "status",
    "status_for",
    "submissions_of",
    "submissions_with",
    "table_built",
    "unpack",
    "user_info",
    "user_of_token",
    "withdraw",
]

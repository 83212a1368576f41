"""Every change to a board, each as one short transaction; the parts are in the `store_*` modules.

All functions take the board's `Database` first. What a user can mend is raised as an InputError of `failures`.
"""

from .intake import validate_received
from .store_common import bump as bump_version
from .store_leases import Claim, claim, extend, fail, give_back, release_stale
from .store_results import Scored, pack, record_results, unpack
from .store_settings import (
    SplitFacts,
    board_version,
    get_contract,
    get_settings,
    get_split,
    put_board,
    put_settings,
    stale_tables,
    table_built,
)
from .store_status import SubmissionStatus, status, status_for, submissions_of
from .store_submissions import enter, mark, predictions_bytes, receive, requeue, submissions_with, withdraw
from .store_users import UserInfo, add_user, find_user, list_users, renew_token, revoke_user, user_info, user_of_token

__all__ = [
    "Claim",
    "Scored",
    "SplitFacts",
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
    "validate_received",
    "withdraw",
]

"""Merges of customers and the codes that prove them: rows only, the rules are the flows'."""

from __future__ import annotations

from deskhand.customers import merge_queries

__all__ = [
    "count_codes",
    "count_try",
    "find_code",
    "has_asked",
    "insert_code",
    "insert_merge",
    "list_merges",
    "lock_merge",
    "mark_undone",
    "mark_used",
    "move_identifiers",
    "return_identifiers",
    "set_code",
    "set_merged_into",
]

count_codes = merge_queries.count_codes
count_try = merge_queries.count_try
find_code = merge_queries.find_code
has_asked = merge_queries.has_asked
insert_code = merge_queries.insert_code
insert_merge = merge_queries.insert_merge
list_merges = merge_queries.list_merges
lock_merge = merge_queries.lock_merge
mark_undone = merge_queries.mark_undone
mark_used = merge_queries.mark_used
move_identifiers = merge_queries.move_identifiers
return_identifiers = merge_queries.return_identifiers
set_code = merge_queries.set_code
set_merged_into = merge_queries.set_merged_into

"""Operators: our own people, API keys, and the audit of every act."""

from deskhand.operators.keys import SCOPES, authorise, create_key, revoke_key
from deskhand.operators.models import ApiKey, Scope
from deskhand.operators.queries import insert_audit, list_keys

__all__ = ["SCOPES", "ApiKey", "Scope", "authorise", "create_key", "insert_audit", "list_keys", "revoke_key"]

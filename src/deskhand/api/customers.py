"""Finding a customer by an address; looking never makes one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from deskhand import customers
from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.api.problems import FieldError, FieldsInvalid
from deskhand.api.schemas import CustomerView, IdentifierView
from deskhand.api.security import require
from deskhand.errors import NotFound

router = APIRouter(prefix="/customers", tags=["customers"], dependencies=[Depends(require("read"))])


@router.get(
    "/lookup",
    response_model=CustomerView,
    summary="Find a customer",
    responses=problems(401, 403, 404, 422, 503),
)
async def lookup(
    desk: DeskDep,
    email: Annotated[str | None, Query(max_length=254, description="In any written form.")] = None,
    phone: Annotated[str | None, Query(max_length=40, description="With country code.")] = None,
) -> CustomerView:
    """By `email` or `phone`, one of them. 404 when we know nobody by that address."""
    if (email is None) == (phone is None):
        raise FieldsInvalid(
            [FieldError("email", "Give one of email and phone.", "For example ?email=dana@example.com.")]
        )
    async with desk.db.transaction() as tx:
        if email is not None:
            found = await customers.find_by_identifier(tx, "email", email)
        else:
            number = customers.normalise("phone", phone or "")
            found = await customers.find_by_identifier(tx, "phone", number)
            found = found or await customers.find_by_identifier(tx, "whatsapp_id", number)
        if found is None:
            raise NotFound("No customer has this address.")
        identifiers = await customers.list_identifiers(tx, found.id)
    return CustomerView(
        id=found.id,
        name=found.name,
        company=found.company,
        plan=found.plan,
        language=found.language,
        created_at=found.created_at,
        identifiers=tuple(
            IdentifierView(
                kind=item.kind,
                value=item.value,
                state="verified" if item.verified_at else "claimed",
                verified_at=item.verified_at,
            )
            for item in identifiers
        ),
    )

"""Transactions and their outcomes as JSON, for records that can be replayed.

Bytes become hexadecimal text; everything else is JSON already. What is written reads back equal.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from ltdb.errors import InputError
from testbench.faults import TransactionError, fault_named
from testbench.transactions import TRANSACTIONS, ScaControl, Transaction


def transaction_to_json(transaction: Transaction) -> dict[str, Any]:
    """Return a JSON object with `kind` and the fields of `transaction`."""
    return {"kind": transaction.kind} | _fields_to_json(transaction)


def transaction_from_json(entry: dict[str, Any]) -> Transaction:
    """Invert `transaction_to_json`.

    Raises
    ------
    InputError
        If the kind is unknown or the fields are not those of the kind.
    """
    kind = entry.get("kind")
    if kind not in TRANSACTIONS:
        raise InputError("transaction kind", repr(kind), ", ".join(TRANSACTIONS))
    return _from_json(TRANSACTIONS[kind], {k: v for k, v in entry.items() if k != "kind"})


def outcome_to_json(outcome: Any) -> dict[str, Any]:
    """Return a JSON object for a reply, or for the TransactionError that stands for it."""
    if isinstance(outcome, TransactionError):
        return {"error": type(outcome).__name__, "reason": outcome.reason, "detail": outcome.detail}
    return _fields_to_json(outcome)


def outcome_from_json(transaction: Transaction, entry: dict[str, Any]) -> Any:
    """Invert `outcome_to_json` for an outcome of `transaction`."""
    if "error" in entry:
        fault = fault_named(str(entry["error"]))
        return fault(transaction, str(entry.get("reason", "")), int(entry.get("detail", 0)))
    return _from_json(transaction.reply_type, entry)


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _bytes_names(cls: Any) -> tuple[str, ...]:
    types = get_type_hints(cls)
    return tuple(name for name in _names(cls) if types[name] is bytes)


def _fields_to_json(value: Any) -> dict[str, Any]:
    cls = value.__class__
    entry = {name: getattr(value, name) for name in _names(cls)}
    for name in _bytes_names(cls):
        entry[name] = entry[name].hex()
    return entry


def _from_json(cls: type, entry: dict[str, Any]) -> Any:
    types = get_type_hints(cls)
    names = _names(cls)
    if set(entry) != set(names):
        raise InputError(cls.__name__, f"fields {', '.join(sorted(entry))}", ", ".join(names) or "no fields")
    values = {}
    for name in names:
        item = entry[name]
        try:
            if types[name] is bytes:
                item = bytes.fromhex(item)
            elif types[name] is ScaControl:
                item = ScaControl(item)
            elif isinstance(item, list):
                item = tuple(tuple(part) for part in item)
        except (TypeError, ValueError) as error:
            raise InputError(f"{cls.__name__}.{name}", repr(item), str(error)) from error
        values[name] = item
    return cls(**values)

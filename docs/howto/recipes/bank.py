"""Stands for the bank: keeps each payment in the file that PAYMENTS names."""

import json
import os


def pay(payee, amount, currency):
    """Pays."""
    with open(os.environ["PAYMENTS"], "a") as file:
        file.write(json.dumps([payee, amount, currency]) + "\n")
    return {"paid": amount}

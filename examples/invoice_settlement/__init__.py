"""The main job: suppliers' invoices are read, matched, checked and proposed for payment.

Owns its four agents, three tools, validators and sample files. It decides nothing about release: each payment
is only proposed here, and the gate is asked by the engine.
"""

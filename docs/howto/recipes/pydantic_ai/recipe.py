"""pydantic-ai: a plain tool that asks Countersign first; it runs in a thread of its own."""

import os

import bank
import gate
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

run = gate.start_run("Invoices of today, by pydantic-ai")
agent = Agent(
    OpenAIChatModel("any", provider=OpenAIProvider(base_url=os.environ["MODEL_URL"], api_key="any"))
)


@agent.tool_plain
def pay(payee: str, amount: str, currency: str) -> dict[str, str]:
    """Pay an invoice."""
    arguments = {"payee": payee, "amount": amount, "currency": currency}
    return gate.gated(run, "bank.pay", arguments, bank.pay)


said = agent.run_sync("Pay ACME what is due.").output
gate.finish_run(run, {"said": said})
print(said)

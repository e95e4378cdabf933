"""OpenAI Agents SDK: a function tool that asks Countersign first, in a thread, so that the loop goes on."""

import asyncio
import os

import bank
import gate
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

run = gate.start_run("Invoices of today, by the OpenAI Agents SDK")
set_tracing_disabled(True)


@function_tool
async def pay(payee: str, amount: str, currency: str) -> dict[str, str]:
    """Pay an invoice."""
    arguments = {"payee": payee, "amount": amount, "currency": currency}
    return await asyncio.to_thread(gate.gated, run, "bank.pay", arguments, bank.pay)


client = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="any")
model = OpenAIChatCompletionsModel(model="any", openai_client=client)
said = Runner.run_sync(Agent(name="cashier", tools=[pay], model=model), "Pay ACME what is due.").final_output
gate.finish_run(run, {"said": said})
print(said)

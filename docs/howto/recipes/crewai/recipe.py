"""CrewAI: a tool that asks Countersign first. The crew simply waits in it; nothing is told to anybody else."""

import os

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true")

import bank
import gate
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool

run = gate.start_run("Invoices of today, by CrewAI")


@tool("pay")
def pay(payee: str, amount: str, currency: str) -> dict[str, str]:
    """Pay an invoice."""
    arguments = {"payee": payee, "amount": amount, "currency": currency}
    return gate.gated(run, "bank.pay", arguments, bank.pay)


model = LLM(model="openai/any", base_url=os.environ["MODEL_URL"], api_key="any")
cashier = Agent(
    role="Cashier", goal="Pay what is due.", backstory="You pay invoices.", tools=[pay], llm=model
)
task = Task(description="Pay ACME what is due.", expected_output="What was paid.", agent=cashier)
said = Crew(agents=[cashier], tasks=[task]).kickoff().raw
gate.finish_run(run, {"said": said})
print(said)

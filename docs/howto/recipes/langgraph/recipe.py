"""LangGraph: a tool that asks Countersign first. The graph simply waits in it."""

import json
import os

import bank
import gate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

run = gate.start_run("Invoices of today, by LangGraph")


@tool
def pay(payee: str, amount: str, currency: str) -> str:
    """Pay an invoice."""
    arguments = {"payee": payee, "amount": amount, "currency": currency}
    return json.dumps(gate.gated(run, "bank.pay", arguments, bank.pay))


model = ChatOpenAI(model="any", base_url=os.environ["MODEL_URL"], api_key="any").bind_tools([pay])
graph = StateGraph(MessagesState)
graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
graph.add_node("tools", ToolNode([pay]))
graph.add_edge("__start__", "model")
graph.add_conditional_edges("model", tools_condition)
graph.add_edge("tools", "model")
said = graph.compile().invoke({"messages": [("user", "Pay ACME what is due.")]})["messages"][-1].content
gate.finish_run(run, {"said": said})
print(said)

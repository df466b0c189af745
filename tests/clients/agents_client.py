"""Connects, lists and calls with openai-agents, and prints what came of it as JSON.

agents_client.py URL http|sse, with the access token in TOKEN.
"""

import asyncio
import json
import os
import sys

from agents.mcp import MCPServerSse, MCPServerStreamableHttp


async def main(url: str, transport: str) -> None:
    server_type = MCPServerSse if transport == "sse" else MCPServerStreamableHttp
    params = {"url": url, "headers": {"Authorization": f"Bearer {os.environ['TOKEN']}"}}
    async with server_type(params=params, client_session_timeout_seconds=30) as server:
        tools = await server.list_tools()
        sum_ = await server.call_tool("add", {"a": 23, "b": 19})
        print(json.dumps({"tools": [tool.name for tool in tools], "sum": sum_.content[0].text}))


asyncio.run(main(*sys.argv[1:]))

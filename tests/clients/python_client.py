"""Connects, lists, calls and reads with the official Python SDK, and prints what came of it as JSON.

python_client.py URL http|sse legacy|auto|REVISION, with the access token in TOKEN.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, transport: str, mode: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        if transport == "sse":
            connection = sse_client(url, headers=headers)
        else:
            connection = streamable_http_client(url, http_client=http)
        async with Client(connection, mode=mode) as client:
            tools = await client.list_tools()
            sum_ = await client.call_tool("add", {"a": 23, "b": 19})
            resources = await client.list_resources()
            read = await client.read_resource(str(resources.resources[0].uri))
            prompts = await client.list_prompts()
            prompt = await client.get_prompt("explain_calculation", {"calculation": "23 + 19"})
            print(
                json.dumps(
                    {
                        "revision": client.protocol_version,
                        "tools": [tool.name for tool in tools.tools],
                        "sum": sum_.content[0].text,
                        "structured": sum_.structured_content,
                        "resources": len(resources.resources),
                        "text": len(read.contents[0].text),
                        "prompts": [prompt.name for prompt in prompts.prompts],
                        "prompt": prompt.model_dump_json(),
                    }
                )
            )


asyncio.run(main(*sys.argv[1:]))

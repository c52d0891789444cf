// A program that somebody writes with the types generated from the document: it compiles only while these are right.
import createClient from "openapi-fetch";
import type { paths } from "./generated.js";

/** Asks the agent, finds the conversation, and says something in it: what was said there, in order. */
export async function converse(baseUrl: string, key: string, agentId: string): Promise<string[]> {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

  const asked = await client.POST("/api/agents/{agentId}/chat", {
    params: { path: { agentId } },
    body: { messages: [{ role: "user", content: "When are you open?" }], session_id: "generated client" },
  });
  if (asked.error) throw new Error(asked.error.error.message);
  if (!("conversation_id" in asked.data)) throw new Error("it was answered in lines");
  const id = asked.data.conversation_id;

  const found = await client.GET("/api/conversations/{id}", { params: { path: { id } } });
  if (found.error) throw new Error(found.error.error.message);
  if (found.data.owner.kind !== "agent") throw new Error(`the owner is ${found.data.owner.kind}`);

  const said = await client.POST("/api/conversations/{id}/messages", {
    params: { path: { id }, header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { body: "A person is here now." },
  });
  if (said.error) throw new Error(said.error.error.message);

  const list = await client.GET("/api/conversations/{id}/messages", { params: { path: { id } } });
  if (list.error) throw new Error(list.error.error.message);

  const unknown = await client.GET("/api/conversations/{id}", { params: { path: { id: crypto.randomUUID() } } });
  if (unknown.error?.error.code !== "NOT_FOUND") throw new Error("an unknown conversation was found");
  return list.data.messages.map((message) => message.body);
}

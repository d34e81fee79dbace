// The clients of other people read the streams of a server: node read.mjs URL
// The server sends the same answer in every format: the words "Xin " and "chào".
import assert from "node:assert/strict";
import { ClientFactory, RestTransportFactory, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { HttpAgent } from "@ag-ui/client";
import Anthropic from "@anthropic-ai/sdk";
import * as ai6 from "ai";
import * as ai5 from "ai-5";
import OpenAI from "openai";

const url = process.argv[2];
const TEXT = "Xin chào";

/** Asserts that this stream is the whole answer. */
async function assertMessage({ readUIMessageStream }, stream) {
  let message;
  for await (message of readUIMessageStream({ stream, onError: (error) => assert.fail(error), terminateOnError: true }));
  assert.equal(message.id, "msg-1");
  const parts = message.parts.map(({ type, text, state, output, data }) => ({ type, value: text ?? output ?? data, state }));
  assert.deepEqual(parts, [
    { type: "step-start", value: undefined, state: undefined },
    { type: "data-progress", value: { percent: 50 }, state: undefined },
    { type: "tool-translate", value: TEXT, state: "output-available" },
    { type: "text", value: TEXT, state: "done" },
  ]);
}

const send = { chatId: "chat-1", trigger: "submit-message", messageId: undefined };

const tests = {
  async "ai 5 and 6 read a UI message, and resume it"() {
    for (const ai of [ai5, ai6]) {
      const transport = new ai.DefaultChatTransport({ api: `${url}/vercel/api/chat` });
      const messages = [{ id: "1", role: "user", parts: [{ type: "text", text: "hello" }] }];
      await assertMessage(ai, await transport.sendMessages({ ...send, messages }));
      await assertMessage(ai, await transport.reconnectToStream({ chatId: "chat-1" }));
      // A 204: nothing to resume.
      assert.equal(await transport.reconnectToStream({ chatId: "chat-2" }), null);
    }
  },

  async "ai 5 and 6 report a failed UI message"() {
    for (const ai of [ai5, ai6]) {
      const transport = new ai.DefaultChatTransport({ api: `${url}/vercel/failing` });
      const stream = await transport.sendMessages({ ...send, messages: [] });
      const errors = [];
      for await (const _ of ai.readUIMessageStream({ stream, onError: (error) => errors.push(error.message) }));
      assert.deepEqual(errors, ["no tokens left"]);
    }
  },

  async "@ag-ui/client runs an agent"() {
    const agent = new HttpAgent({ url: `${url}/ag-ui`, threadId: "thread-1", initialMessages: [{ id: "1", role: "user", content: "hello" }] });
    const events = [];
    const { newMessages } = await agent.runAgent({ runId: "run-1" }, { onEvent: ({ event }) => void events.push(event.type) });
    assert.equal(events[0], "RUN_STARTED");
    assert.equal(events.at(-1), "RUN_FINISHED");
    assert.deepEqual(agent.state, { words: 2 });
    const [call, text] = newMessages;
    assert.deepEqual(call.toolCalls[0].function, { name: "translate", arguments: '{"text":"hello"}' });
    assert.equal(text.content, TEXT);
  },

  async "@ag-ui/client reports a failed run"() {
    const agent = new HttpAgent({ url: `${url}/ag-ui/failing`, threadId: "thread-1" });
    const errors = [];
    await agent.runAgent({ runId: "run-1" }, { onRunErrorEvent: ({ event }) => void errors.push(event.message) }).catch(() => {});
    assert.deepEqual(errors, ["no tokens left"]);
  },

  async "openai reads a completion"() {
    const client = new OpenAI({ apiKey: "none", baseURL: `${url}/openai/v1`, maxRetries: 0 });
    const stream = await client.chat.completions.create({ model: "parrot-1", messages: [], stream: true });
    let [text, usage] = ["", undefined];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, TEXT);
    assert.equal(usage.total_tokens, 3);
    const whole = await client.chat.completions.stream({ model: "parrot-1", messages: [] }).finalChatCompletion();
    assert.equal(whole.choices[0].message.content, TEXT);
    assert.equal(whole.choices[0].finish_reason, "stop");
  },

  async "openai reads a response"() {
    const client = new OpenAI({ apiKey: "none", baseURL: `${url}/openai/v1`, maxRetries: 0 });
    const stream = client.responses.stream({ model: "parrot-1", input: "hello" });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const response = await stream.finalResponse();
    assert.equal(text, TEXT);
    assert.equal(response.output_text ?? response.output[0].content[0].text, TEXT);
    assert.equal(response.status, "completed");
  },

  async "@anthropic-ai/sdk reads a message"() {
    const client = new Anthropic({ apiKey: "none", baseURL: `${url}/anthropic`, maxRetries: 0 });
    const message = await client.messages.stream({ model: "parrot-1", max_tokens: 9, messages: [{ role: "user", content: "hello" }] }).finalMessage();
    assert.equal(message.content[0].text, TEXT);
    assert.equal(message.stop_reason, "end_turn");
    assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [1, 2]);
  },

  async "@anthropic-ai/sdk reports an error event"() {
    const client = new Anthropic({ apiKey: "none", baseURL: `${url}/anthropic/failing`, maxRetries: 0 });
    const stream = client.messages.stream({ model: "parrot-1", max_tokens: 9, messages: [{ role: "user", content: "hello" }] });
    await assert.rejects(stream.finalMessage(), /overloaded_error/);
  },

  async "@a2a-js/sdk reads a task by both bindings"() {
    for (const [path, factory, protocolBinding] of [
      ["/a2a", new RestTransportFactory(), "HTTP+JSON"],
      ["/a2a/rpc", new JsonRpcTransportFactory(), "JSONRPC"],
    ]) {
      const supported = { url: url + path, protocolBinding, protocolVersion: "1.0", tenant: "" };
      const card = { name: "parrot", supportedInterfaces: [supported], capabilities: { streaming: true, extensions: [] }, defaultInputModes: [], defaultOutputModes: [], skills: [] };
      const client = await new ClientFactory({ transports: [factory] }).createFromAgentCard(card);
      const message = { messageId: "m-1", contextId: "", taskId: "", role: 1, parts: [{ content: { $case: "text", value: "hello" } }], extensions: [], referenceTaskIds: [] };
      let text = "";
      const states = [];
      for await (const { payload } of client.sendMessageStream({ tenant: "", message, configuration: undefined, metadata: undefined })) {
        const { $case, value } = payload;
        if ($case === "artifactUpdate") text += value.artifact.parts.map(({ content }) => content.value).join("");
        else states.push(value.status.state);
      }
      assert.equal(text, TEXT, protocolBinding);
      // Submitted, working, completed.
      assert.deepEqual(states, [1, 2, 3], protocolBinding);
    }
  },
};

for (const [name, test] of Object.entries(tests)) {
  await test();
  console.log(`passed: ${name}`);
}

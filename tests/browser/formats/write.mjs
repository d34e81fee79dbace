// Prints a stream as the server library of other people writes it: node write.mjs ai|ag-ui|a2a
import { formatSSEErrorEvent, formatSSEEvent } from "@a2a-js/sdk";
import { EventType } from "@ag-ui/client";
import { EventEncoder } from "@ag-ui/encoder";
import { createUIMessageStream, createUIMessageStreamResponse } from "ai";

const writers = {
  async ai() {
    const stream = createUIMessageStream({
      generateId: () => "msg-1",
      execute({ writer }) {
        writer.write({ type: "start", messageId: "msg-1" });
        writer.write({ type: "data-progress", data: { percent: 50 }, transient: true });
        writer.write({ type: "data-weather", id: "w", data: { celsius: 31 } });
        writer.write({ type: "reasoning-start", id: "r" });
        writer.write({ type: "reasoning-delta", id: "r", delta: "hm\n" });
        writer.write({ type: "reasoning-end", id: "r", providerMetadata: { parrot: { signature: "s" } } });
        writer.write({ type: "text-start", id: "t" });
        writer.write({ type: "text-delta", id: "t", delta: "Xin chào" });
        writer.write({ type: "text-end", id: "t" });
        writer.write({ type: "finish" });
        throw new Error("no tokens left");
      },
      onError: (error) => error.message,
    });
    return createUIMessageStreamResponse({ stream }).text();
  },

  async "ag-ui"() {
    const encoder = new EventEncoder();
    return [
      { type: EventType.RUN_STARTED, threadId: "t", runId: "r", timestamp: 1700000000000 },
      { type: EventType.TEXT_MESSAGE_CHUNK, messageId: "m", delta: "Xin chào" },
      { type: EventType.TOOL_CALL_RESULT, messageId: "m2", toolCallId: "c", content: "31" },
      { type: EventType.CUSTOM, name: "bell", value: null },
      { type: "FROM_THE_FUTURE", value: 1 },
      { type: EventType.RUN_ERROR, message: "no tokens left", code: "429", rawEvent: { status: 429 } },
    ]
      .map((event) => encoder.encode(event))
      .join("");
  },

  async a2a() {
    const status = { taskId: "t", contextId: "c", status: { state: "TASK_STATE_INPUT_REQUIRED" } };
    return formatSSEEvent({ statusUpdate: status }) + formatSSEErrorEvent({ code: -32603, message: "Internal error" });
  },
};

process.stdout.write(await writers[process.argv[2]]());

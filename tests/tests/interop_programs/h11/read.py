"""Reads recorded connections of a server with the client state machine of h11.

The argument is a file of JSON: a list of connections, each with its `requests`, with everything that was `received`, in hex, and whether
the server has `closed` it. Standard output is JSON: for each connection, what h11 made of it, which must not depend on how the
bytes are split.
"""

import json
import random
import sys

import h11


def chunks(received, most, chance):
    while received:
        size = min(most, len(received)) if chance is None else chance.randint(1, most)
        yield received[:size]
        received = received[size:]


class Reader:
    def __init__(self, requests):
        self.connection = h11.Connection(h11.CLIENT)
        self.requests = list(requests)
        self.responses = []
        self.closed = False
        self.next_request()

    def next_request(self):
        request = self.requests.pop(0)
        headers = [("host", "test"), *map(tuple, request["headers"])]
        self.connection.send(h11.Request(method=request["method"], target=request["path"], headers=headers))
        self.body = request["body"]
        self.response = {"interim": [], "status": None, "version": None, "data": "", "complete": False}
        self.responses.append(self.response)
        self.send_body()

    def send_body(self):
        if self.connection.our_state is h11.SEND_BODY and not self.connection.client_is_waiting_for_100_continue:
            if self.body:
                self.connection.send(h11.Data(data=self.body.encode()))
            self.connection.send(h11.EndOfMessage())

    def receive(self, data):
        self.connection.receive_data(data)
        while True:
            event = self.connection.next_event()
            self.send_body()
            if event is h11.NEED_DATA:
                return
            if event is h11.PAUSED:
                # The bytes of a pipelined response.
                self.connection.start_next_cycle()
                self.next_request()
            elif isinstance(event, h11.InformationalResponse):
                self.response["interim"].append(event.status_code)
            elif isinstance(event, h11.Response):
                self.response["status"] = event.status_code
                self.response["version"] = event.http_version.decode()
            elif isinstance(event, h11.Data):
                self.response["data"] += event.data.decode()
            elif isinstance(event, h11.EndOfMessage):
                assert not event.headers, "trailers"
                self.response["complete"] = True
                states = [str(self.connection.our_state), str(self.connection.their_state)]
                self.response["states"] = states
            elif isinstance(event, h11.ConnectionClosed):
                self.closed = True
                return

    def result(self, error):
        trailing = self.connection.trailing_data[0].decode()
        states = [str(self.connection.our_state), str(self.connection.their_state)]
        unanswered = len(self.requests)
        return {
            "responses": self.responses,
            "states": states,
            "closed": self.closed,
            "error": error,
            "trailing": trailing,
            "unanswered": unanswered,
        }


def read(connection, most, chance):
    reader = Reader(connection["requests"])
    error = None
    try:
        for chunk in chunks(bytes.fromhex(connection["received"]), most, chance):
            reader.receive(chunk)
        if connection["closed"]:
            reader.receive(b"")
    except h11.RemoteProtocolError as reason:
        error = str(reason)
    return reader.result(error)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        connections = json.load(file)
    results = []
    for connection in connections:
        whole = read(connection, len(connection["received"]) + 1, None)
        assert read(connection, 1, None) == whole, "byte by byte"
        for seed in range(50):
            assert read(connection, 1 + seed, random.Random(seed)) == whole, f"seed {seed}"
        results.append(whole)
    json.dump(results, sys.stdout)


main()

#!/usr/bin/env python3
"""A client of mas' lock broker, written from docs/lock-protocol.md alone.

    lock_client.py HOST:PORT NAME [--mode shared|append|exclusive] [--hold SECONDS]

Waits for the lock, prints its fencing token, keeps it for so long, and lets it go. A whole client,
for one lock at a time: it repeats what gets lost and counts its lease as it must.
Debian: python3-zmq, python3-msgpack.
"""

import argparse
import os
import random
import struct
import sys
import time

import msgpack
import zmq

VERSION = 1
HELLO, HEARTBEAT, REQUESTS = 1, 2, 3
WELCOME, HEARTBEAT_ACK, ANSWERS, ENDED = 16, 17, 18, 19
ACQUIRE, CANCEL, RELEASE, CONVERT_DOWN, CONVERT_UP, UNABLE, KEEP = range(1, 8)
GRANTED, REFUSED, CONVERTED, NOT_CONVERTED, RECALL = range(1, 6)
SPACE_USER = 4
MODES = {"shared": 1, "append": 2, "exclusive": 3}
REFUSALS = {1: "busy", 2: "unable", 3: "cancelled", 4: "contended", 5: "invalid"}
END_CLEAN = 1
VALUE_KEPT = 0


def now():
    """Goes on while the host is suspended, as the lease does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lost(Exception):
    """The session is over, and the lock with it."""


class LockClient:
    def __init__(self, address, cluster="mas", worker=None):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.connect(f"tcp://{address}")
        self.cluster = cluster
        self.worker = worker or f"lock_client.py@{os.uname().nodename}:{os.getpid()}"
        self.me = random.getrandbits(64) or 1  # our instance: of this life of this process
        self.broker = 0  # its instance, once known
        self.session = 0
        self.ttl = 0.0
        self.lease_until = 0.0
        self.heartbeats = 0
        self.heartbeat_sent = {}  # number: when
        self.next_heartbeat = 0.0
        self.sent = 0  # number of our last message of requests
        self.unseen = {}  # number: items that the broker has not said it took in
        self.seen = 0  # number of the broker's last message of answers that we took in
        self.their_sent = 0  # highest number of theirs that we know of
        self.answers = []

    # --- Frames.

    def send(self, kind, *fields):
        frame = [VERSION, kind, self.cluster, self.me, self.broker, *fields]
        try:
            self.socket.send(msgpack.packb(frame, use_bin_type=True), zmq.DONTWAIT)
        except zmq.Again:
            pass  # not connected: as good as lost on the way

    def receive(self, until):
        """Takes in one frame, if one comes by then."""
        if not self.socket.poll(max(0, int((until - now()) * 1000) + 1)):
            return
        fields = msgpack.unpackb(self.socket.recv(), raw=False, unicode_errors="replace")
        version, kind, cluster, sender, to = fields[:5]
        if version != VERSION or cluster != self.cluster or to != self.me:
            return
        self.take(kind, sender, fields[5:])

    def take(self, kind, sender, fields):
        if kind == WELCOME and not self.session:
            number, session, ttl_ms = fields[:3]
            if number not in self.heartbeat_sent:
                return
            self.broker, self.session, self.ttl = sender, session, ttl_ms / 1000
            # The lease counts from when we asked, and ends a little early.
            self.lease_until = self.heartbeat_sent[number] + self.ttl * 0.95
            self.heartbeat_sent = {}
            self.next_heartbeat = now() + self.ttl / 4
        if sender != self.broker or fields[0] != self.session:
            return
        if kind == HEARTBEAT_ACK:
            _, number, sent, seen, resend = fields[:5]
            # Number 0: not renewed. Only what was acknowledged prolongs the lease.
            if number in self.heartbeat_sent:
                self.lease_until = max(self.lease_until, self.heartbeat_sent[number] + self.ttl * 0.95)
                self.heartbeat_sent = {n: at for n, at in self.heartbeat_sent.items() if n > number}
            self.forget_seen(seen)
            self.their_sent = max(self.their_sent, sent)
            if resend:
                self.send_requests()
            if self.their_sent > self.seen:
                self.heartbeat()  # something is missing: ask for it at once
        elif kind == ANSWERS:
            _, number, seen, items = fields[:4]
            self.forget_seen(seen)
            self.their_sent = max(self.their_sent, number)
            if number == self.seen + 1:  # in order, once each
                self.seen = number
                self.answers += parse_answers(items)
        elif kind == ENDED:
            self.session = 0
            raise Lost(f"the session has ended, reason {fields[1]}")

    def forget_seen(self, seen):
        self.unseen = {n: items for n, items in self.unseen.items() if n > seen}

    # --- The session.

    def open(self, wait_max=5.0):
        """Asks for a session until there is one."""
        give_up = now() + wait_max
        hello = 0
        while not self.session:
            if now() >= give_up:
                raise Lost("no lock broker answers")
            hello += 1
            self.heartbeat_sent = {hello: now()}  # each hello takes the place of the one before
            self.send(HELLO, hello, 0, 0, 0, self.worker, 0)
            ask_again = now() + 0.5
            while not self.session and now() < ask_again:
                self.receive(ask_again)

    def heartbeat(self, leaving=False):
        self.heartbeats += 1
        self.heartbeat_sent[self.heartbeats] = now()
        self.send(HEARTBEAT, self.session, self.heartbeats, self.sent, self.seen,
                  self.their_sent > self.seen, leaving)
        self.next_heartbeat = now() + self.ttl / 4

    def request(self, items):
        self.sent += 1
        self.unseen[self.sent] = items
        self.send(REQUESTS, self.session, self.sent, self.seen, items)

    def send_requests(self):
        for number, items in sorted(self.unseen.items()):
            self.send(REQUESTS, self.session, number, self.seen, items)

    def lease_valid(self):
        return self.session != 0 and now() < self.lease_until

    def work(self, until):
        """Keeps the session alive; returns after a frame, or by then."""
        if now() >= self.lease_until:
            raise Lost("the lease is over")
        if now() >= self.next_heartbeat:
            self.heartbeat()
        self.receive(min(until, self.next_heartbeat, self.lease_until))

    # --- Locks.

    def acquire(self, name, mode, wait_max):
        """Waits for a lock; its token, or why there is none."""
        self.request(item(ACQUIRE, name) + struct.pack("<B", mode))
        give_up = now() + wait_max
        while True:
            self.work(give_up)
            for op, answered, token, why in self.take_answers():
                if op == GRANTED and answered == name:
                    return token, None
                if op == REFUSED and answered == name:
                    return None, REFUSALS[why]
            if now() >= give_up:
                # The broker answers this too, if the grant is not on its way already.
                self.request(item(CANCEL, name))
                give_up = now() + wait_max

    def hold(self, name, token, seconds):
        """Works on for so long, whoever else may want the lock."""
        done = now() + seconds
        while now() < done:
            self.work(done)
            for op, answered, recalled, _ in self.take_answers():
                if op == RECALL and answered == name and recalled == token:
                    self.request(item(KEEP, name) + struct.pack("<Q", token))

    def release(self, name, token):
        self.request(item(RELEASE, name) + struct.pack("<QBB", token, END_CLEAN, VALUE_KEPT))

    def close(self):
        """Says goodbye until the broker has heard it, and all before it."""
        while self.session and now() < self.lease_until:
            self.heartbeat(leaving=True)
            until = now() + 0.5
            try:
                while now() < until:
                    self.receive(until)
            except Lost:
                break

    def take_answers(self):
        answers, self.answers = self.answers, []
        return answers


def item(op, name):
    return struct.pack("<BBB", op, SPACE_USER, len(name)) + name


def parse_answers(items):
    """(operation, name, token, why) of each item."""
    answers = []
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from(form, items, at)
        at += struct.calcsize(form)
        return values

    while at < len(items):
        op, _space, length = take("<BBB")
        (name,) = take(f"<{length}s")
        token = why = 0
        if op in (GRANTED, CONVERTED):
            token, _mode, _flags, length = take("<QBBB")
            take(f"<{length}s")  # the name's value
        elif op == REFUSED:
            (why,) = take("<B")
        elif op in (NOT_CONVERTED, RECALL):
            token, why = take("<QB")
        answers.append((op, name, token, why))
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("name")
    parser.add_argument("--mode", choices=MODES, default="exclusive")
    parser.add_argument("--wait", type=float, default=30.0)
    parser.add_argument("--hold", type=float, default=0.0)
    options = parser.parse_args()
    name = options.name.encode()
    client = LockClient(options.address)
    try:
        client.open()
        token, refused = client.acquire(name, MODES[options.mode], options.wait)
        if refused:
            print(f"not granted: {refused}", flush=True)
        else:
            print(f"granted {token}", flush=True)
            client.hold(name, token, options.hold)
            if not client.lease_valid():
                raise Lost("the lease is over")
            client.release(name, token)
            print("released", flush=True)
        client.close()
        return 1 if refused else 0
    except Lost as lost:
        print(f"lost: {lost}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

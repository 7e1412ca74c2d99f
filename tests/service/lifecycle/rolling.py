"""Calls Authorize again and again through one channel that spreads its calls over all servers (round_robin), and
repeats no call. Prints a line for each call that failed, and the counts when its standard input is closed.

usage: rolling.py ADDRESSES HEALTH TOKEN REQUEST; ADDRESSES as host:port,…; HEALTH: watch or blind; REQUEST in hex
"""

import json, sys, threading, time
import grpc

addresses, health, token, request = sys.argv[1:]
service = {"loadBalancingConfig": [{"round_robin": {}}]}
if health == "watch":
    service["healthCheckConfig"] = {"serviceName": ""}
channel = grpc.insecure_channel("ipv4:" + addresses, options=[
    ("grpc.service_config", json.dumps(service)),
    ("grpc.enable_retries", 0),
    # The addresses together are no name of a server.
    ("grpc.default_authority", "latchkey"),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
])
call = channel.unary_unary("/latchkey.v1.AuthorizationService/Authorize")
stop, lock, counts = threading.Event(), threading.Lock(), {"answered": 0, "failed": 0}


def load():
    while not stop.is_set():
        try:
            answer = call(bytes.fromhex(request), timeout=10, metadata=[("authorization", "Bearer " + token)])
            # A decision that begins with `allowed`.
            outcome = "answered" if answer[2:4] in (b"\x08\x01", b"\x01\x08") else "refused"
        except grpc.RpcError as error:
            outcome = f"{error.code()}: {error.details()}"
        with lock:
            if outcome == "answered":
                counts["answered"] += 1
            else:
                counts["failed"] += 1
                print(f"{time.time():.3f} {outcome}", flush=True)
        time.sleep(0.002)


grpc.channel_ready_future(channel).result(timeout=30)
print("ready", flush=True)
threads = [threading.Thread(target=load) for _ in range(6)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
print(json.dumps(counts), flush=True)

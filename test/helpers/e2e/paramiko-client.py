"""A login by paramiko.

paramiko-client.py PORT USER KEYFILE HOSTKEY [--answer TEXT]... [--put HERE THERE] [--get THERE HERE] [--run COMMAND] [--no-key]

HOSTKEY is the line of sshd's .pub file. Each question goes to stderr as a line of JSON, and takes the next answer.
Ends with COMMAND's status; 1 if paramiko fails, and then with its words.
"""

import argparse
import base64
import json
import sys

import paramiko


def main():
    options = parse_arguments()
    transport = paramiko.Transport(("127.0.0.1", options.port))
    transport.connect(
        hostkey=paramiko.Ed25519Key(data=base64.b64decode(options.hostkey.split()[1])),
        username=options.user,
        pkey=None if options.no_key else paramiko.Ed25519Key.from_private_key_file(options.keyfile),
    )
    if not transport.is_authenticated():  # the key was but the first of two methods
        transport.auth_interactive(options.user, asker(options.answer))
    status = work(transport, options)
    transport.close()
    return status


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name in ("user", "keyfile", "hostkey"):
        parser.add_argument(name)
    parser.add_argument("--no-key", action="store_true")
    parser.add_argument("--answer", action="append", default=[])
    parser.add_argument("--put", nargs=2)
    parser.add_argument("--get", nargs=2)
    parser.add_argument("--run")
    return parser.parse_args()


def asker(answers):
    """A handler as auth_interactive() wants it."""
    left = list(answers)

    def answer(title, instructions, prompts):
        asked = {"title": title, "instructions": instructions, "prompts": prompts}
        print(json.dumps(asked), file=sys.stderr, flush=True)
        if len(left) < len(prompts):
            raise SystemExit("asked more than there are answers")
        return [left.pop(0) for _ in prompts]

    return answer


def work(transport, options):
    if options.put or options.get:
        sftp = paramiko.SFTPClient.from_transport(transport)
        if options.put:
            sftp.put(*options.put)
        if options.get:
            sftp.get(*options.get)
    if options.run is None:
        return 0
    channel = transport.open_session()
    channel.exec_command(options.run)
    sys.stdout.buffer.write(channel.makefile("rb").read())
    sys.stderr.buffer.write(channel.makefile_stderr("rb").read())
    return channel.recv_exit_status()


try:
    sys.exit(main())
except (paramiko.SSHException, EOFError, OSError) as error:
    sys.exit(f"paramiko: {type(error).__name__}: {error}")

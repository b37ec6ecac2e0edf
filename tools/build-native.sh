#!/bin/sh
# build-native.sh NAME builds an addon: Node-API in plain C, headers from the Node in node_modules.
#   trasa_native          of src/host/native/*.c
#   trasa_ssh             of src/proxy/engine/native/*.c, with the OpenSSL that Node exports
#   CC, CFLAGS, LDFLAGS   as in make(1); CFLAGS are added to ours
#   OUT                   where to put it (default dist/NAME.node)
set -eu
cd "$(dirname "$0")/.."

case $(uname -m) in
  x86_64) arch=x64 hardening=-fcf-protection=full ;;
  aarch64) arch=arm64 hardening=-mbranch-protection=standard ;;
  *) echo "build-native: no Node for $(uname -m) among our dependencies" >&2; exit 1 ;;
esac
case ${1:-} in
  trasa_native) sources=src/host/native ;;
  trasa_ssh) sources=src/proxy/engine/native ;;
  *) echo "build-native: which addon? trasa_native or trasa_ssh" >&2; exit 1 ;;
esac
headers=node_modules/node-linux-$arch/include/node
if [ ! -e "$headers/node_api.h" ]; then
  echo "build-native: $headers is missing; run: npm ci" >&2
  exit 1
fi

out=${OUT:-dist/$1.node}
mkdir -p "$(dirname "$out")"
# Into place by rename: a program that has the old one loaded keeps it.
# shellcheck disable=SC2086 # CC, CFLAGS and LDFLAGS are lists of words
${CC:-cc} -shared -fPIC -std=c17 -D_GNU_SOURCE -isystem "$headers" \
  -O2 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wformat=2 -Werror \
  -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection "$hardening" -fvisibility=hidden \
  ${CFLAGS:-} -pthread -Wl,-z,relro,-z,now,-z,noexecstack ${LDFLAGS:-} \
  -o "$out.$$" "$sources"/*.c
mv -f "$out.$$" "$out"

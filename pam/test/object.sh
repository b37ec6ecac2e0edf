#!/bin/sh
# What can be said of the built module without running it: its exports, its hardening, and that it keeps no state.
#   object.sh pam_trasa.so
set -eu
module=$1
count=0
failed=0

is() {
  count=$((count + 1))
  if [ "$2" = "$3" ]; then
    echo "ok $count - $1"
  else
    echo "not ok $count - $1"
    echo "# found: $2; expected: $3"
    failed=1
  fi
}

# One word for yes, so that a program that fails is no yes.
has() { if grep -Eq -- "$1"; then echo yes; else echo no; fi; }

size_of() { size -A "$module" | awk -v name="$1" '$1 == name { found = $2 } END { print found + 0 }'; }

exports=$(nm -D --defined-only "$module" | awk '{ print $3 }' | sort | tr '\n' ' ')
is 'exactly three functions are exported' "$exports" 'pam_sm_acct_mgmt pam_sm_authenticate pam_sm_setcred '
is 'relocations are resolved at once' "$(readelf -dW "$module" | has 'FLAGS.*NOW')" yes
is 'and read-only afterwards' "$(readelf -lW "$module" | has GNU_RELRO)" yes
is 'the stack is not executable' "$(readelf -lW "$module" | has 'GNU_STACK .* RW ')" yes
is 'the stack has a guard' "$(nm -D "$module" | has __stack_chk_fail)" yes
is 'libc checks what it can' "$(nm -D "$module" | has '_chk(@|$)')" yes
is 'no search path is built in' "$(readelf -dW "$module" | has 'RPATH|RUNPATH')" no
# __dso_handle and completed.0 are the compiler's, a pointer and a byte.
is 'there is no state: .data' "$(size_of .data)" 8
is 'there is no state: .bss' "$(size_of .bss)" 8

echo "1..$count"
exit $failed

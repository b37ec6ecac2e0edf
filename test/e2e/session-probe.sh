#!/bin/sh
# Everything about the shell that started this script (its parent) which a session could notice, one fact a line.
# session-untouched.test.ts runs it through sshd with and without the agent and compares.
p=$PPID
# While it starts a child a shell blocks signals, and not always for equally long: look when it sleeps, waiting for us.
until status=$(cat /proc/$p/status) && echo "$status" | grep -q '^State:.S'; do :; done
echo "$status" | sed 's/^/status /' |
  grep -E ' (Name|Umask|Uid|Gid|Groups|ShdPnd|SigPnd|SigBlk|SigIgn|SigCgt|Cap...|NoNewPrivs|Seccomp|Cpus_allowed_list|TracerPid):'
sed 's/^/limit /' /proc/$p/limits
for fd in "/proc/$p/fd"/*; do
  n=${fd##*/}
  echo "descriptor $n $(readlink "$fd" | sed 's/[0-9][0-9]*/N/g') $(grep ^flags "/proc/$p/fdinfo/$n")"
done
tr '\0' '\n' <"/proc/$p/environ" | sort | sed 's/^/started-with /'
env | sort | sed 's/^/passes-on /'
printf 'argv %s\n' "$(tr '\0' '|' <"/proc/$p/cmdline")"
echo "exe $(readlink "/proc/$p/exe") cwd $(readlink "/proc/$p/cwd") root $(readlink "/proc/$p/root")"
for name in oom_score_adj personality coredump_filter loginuid cgroup; do
  echo "$name $(tr '\n' ' ' <"/proc/$p/$name")"
done
# proc(5), /proc/pid/stat after the name: 3 is the process group, 4 the session, 5 the terminal, 6 its foreground group.
parent=$(sed 's/^.*) [A-Z] \([0-9]*\) .*/\1/' "/proc/$p/stat")
# shellcheck disable=SC2046 # words are wanted
set -- $(sed 's/^.*) //' "/proc/$p/stat")
echo "leads-group $(($3 == p)) leads-session $(($4 == p)) has-terminal $(($5 != 0)) in-foreground $(($6 == $3))"
echo "priority ${16} nice ${17} realtime ${38} policy ${39} parent $(cat "/proc/$parent/comm")"
grep -E '^(SigBlk|SigIgn|SigCgt)' /proc/self/status | sed 's/^/child /'
sed -n 's/^Max open files/child files/p' /proc/self/limits
echo "child umask $(umask) cwd $PWD descriptors $(find /proc/self/fd -mindepth 1 -printf '%f ')"
[ ! -t 0 ] || stty -a | sed 's/^/stty /'
echo end

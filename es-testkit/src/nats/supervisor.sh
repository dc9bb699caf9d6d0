# Runs the nodes of one NATS cluster for a process, and takes them away when that process is gone, however
# it went: the commands come through a pipe, and its end is the end of the process. It is the parent of the
# nodes and waits for each that it ended, so that the number of a process never is that of another one.
# Arguments: the server, the folder of the cluster, and `keep` where the folder stays.
bin=$1
home=$2
keep=$3
nodes=
# The process of a node, empty where it does not run.
process() {
    eval "pid=\${pid_$1:-}"
}
end() { # SIGNAL NODES..
    signal=$1
    shift
    for node in "$@"; do
        process "$node"
        [ -n "$pid" ] || return 1
        kill -s "$signal" "$pid" 2>/dev/null
        # One that is stopped hears nothing but a kill.
        kill -s CONT "$pid" 2>/dev/null
    done
    for node in "$@"; do
        process "$node"
        wait "$pid" 2>/dev/null
        eval "pid_$node="
    done
}
# Whether no thread of a process runs any more, where the system says so.
is_stopped() { # PROCESS
    for stat in /proc/"$1"/task/*/stat; do
        read -r line 2>/dev/null <"$stat" || continue
        # The name of the program may have spaces and brackets.
        case ${line##*) } in [TtZX]*) ;; *) return 1 ;; esac
    done
}
pause() { # NODES..
    tell STOP "$@" || return 1
    # The signal has been sent, and a thread may still finish what it does.
    for node in "$@"; do
        process "$node"
        until is_stopped "$pid"; do :; done
    done
}
tell() { # SIGNAL NODES..
    signal=$1
    shift
    for node in "$@"; do
        process "$node"
        [ -n "$pid" ] && kill -s "$signal" "$pid" || return 1
    done
}
start() { # NODE
    process "$1"
    [ -z "$pid" ] || return 1
    "$bin" -c "$home/$1.conf" >>"$home/$1.log" 2>&1 </dev/null &
    eval "pid_$1=$!"
    case " $nodes " in *" $1 "*) ;; *) nodes="$nodes $1" ;; esac
}
finish() {
    if [ "$keep" = keep ]; then signal=TERM; else signal=KILL; fi
    for node in $nodes; do
        process "$node"
        [ -n "$pid" ] || continue
        kill -s "$signal" "$pid" 2>/dev/null
        kill -s CONT "$pid" 2>/dev/null
    done
    wait
    [ "$keep" = keep ] || { cd / && rm -rf "$home"; }
}
trap finish EXIT
while read -r command names; do
    # shellcheck disable=SC2086 # several names are several words
    case $command in
    start) start $names ;;
    kill) end KILL $names ;;
    stop) end TERM $names ;;
    pause) pause $names ;;
    resume) tell CONT $names ;;
    *) false ;;
    esac
    if [ $? = 0 ]; then echo done; else echo failed; fi
done

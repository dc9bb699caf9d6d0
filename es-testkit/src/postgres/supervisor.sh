# Starts and stops one PostgreSQL cluster for a test process, and takes it away when that process is
# gone, however it went: the commands come through a pipe, and its end is the end of the process.
# Arguments: the folder of the programs, the folder of the cluster.
bin=$1
home=$2
finish() {
    "$bin/pg_ctl" -D "$home/data" -m immediate -t 60 stop >/dev/null 2>&1 </dev/null
    cd / && rm -rf "$home"
}
trap finish EXIT
answer() {
    if [ "$1" = 0 ]; then echo done; else echo failed; fi
}
while read -r command mode; do
    case $command in
    init)
        "$bin/initdb" -D "$home/data" -U es -A trust -E UTF8 --locale=C --no-sync \
            >"$home/init.log" 2>&1 </dev/null
        answer $?
        ;;
    start)
        "$bin/pg_ctl" -D "$home/data" -l "$home/server.log" -w -t 120 start >"$home/start.log" 2>&1 </dev/null
        answer $?
        ;;
    stop)
        "$bin/pg_ctl" -D "$home/data" -m "$mode" -w -t 120 stop >"$home/stop.log" 2>&1 </dev/null
        answer $?
        ;;
    esac
done

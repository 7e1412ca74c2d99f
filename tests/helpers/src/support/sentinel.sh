# Outlives the test process by a moment, to clean up after it. The test process holds the other end of this script's
# standard input; however it ends (done, panicked, killed), the input ends with it. Then: every process that works in the
# folder $1 is killed, System V memory that a PostgreSQL there left behind is given back, the folder is removed.
set -u
folder=$1
# A Ctrl-C for the tests must not take the cleaner with it.
trap '' INT HUP TERM

while read -r _; do :; done

# A process that goes while it is looked at makes find fail; what it found counts all the same.
living() { find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$folder" -o -lname "$folder/*" \) 2>/dev/null || true; }

round=0
while found=$(living) && [ -n "$found" ] && [ "$round" -lt 200 ]; do
    for cwd in $found; do
        pid=${cwd#/proc/}
        kill -KILL "${pid%/cwd}" 2>/dev/null
    done
    round=$((round + 1))
    sleep 0.02
done

# Line 7 of postmaster.pid: key and number of the segment. Both must fit and nobody be attached: numbers are used again.
if [ -r "$folder/data/postmaster.pid" ] && [ -r /proc/sysvipc/shm ]; then
    sed -n 7p "$folder/data/postmaster.pid" | while read -r its_key its_number; do
        while read -r key number _ _ _ _ attached _; do
            if [ "$key" = "$its_key" ] && [ "$number" = "$its_number" ] && [ "$attached" = 0 ]; then
                ipcrm -m "$number" 2>/dev/null
            fi
        done </proc/sysvipc/shm
    done
fi

rm -rf "$folder"

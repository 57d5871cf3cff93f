# Runs a server and ends it: when somebody asks (a file `stop`), when no test has beaten for long, or with this watcher.
# Then its folder is gone. A server that ends by itself leaves the folder, with its log and a file `ended`.
#   sh -c … watch FOLDER SIGNAL SERVER [ARGUMENT…]
folder=$1 signal=$2
shift 2
cd "$folder" || exit 1
if setpriv --pdeathsig "$signal" true 2>/dev/null; then
  set -- setpriv --pdeathsig "$signal" "$@"
fi
"$@" </dev/null >>server.log 2>&1 &
server=$!

end() {
  kill -s "$signal" "$server" 2>/dev/null
  wait
  cd /
  rm -rf "$folder"
  exit
}

# Whole minutes, as every `find` counts them; some round up.
idle() {
  [ -z "$(find beat -mmin -3 2>/dev/null)" ]
}

tick=0
while kill -0 "$server" 2>/dev/null; do
  sleep 0.2
  [ -e stop ] && end
  tick=$((tick + 1))
  if [ "$tick" -ge 10 ]; then
    tick=0
    if idle; then
      # Who comes now beats first and looks for this file then: one of the two sees the other.
      : >stopping
      sleep 0.2
      idle && end
      rm -f stopping
    fi
  fi
done
: >ended

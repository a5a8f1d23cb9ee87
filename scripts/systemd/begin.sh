# The deb on a machine in no mesh: whoever is root founds one by a page, nobody
# else does, and the package's service goes on. Read by scripts/systemd.sh.
# shellcheck shell=bash

cp "$(ls dist/*_"$(dpkg --print-architecture)".deb)" "$work/root/opt/warren.deb"
refused "installed, it says how a mesh is founded" 0 'to found one, in the browser: sudo warren up' box dpkg -i /opt/warren.deb
box systemctl start warren
same "the service does nothing before that" "$(state)" inactive

console=http://localhost:7780
# page AS PATH BODY [HEADER] is a request of a local user's browser: status and answer.
page() {
	local as=$1 path=$2 body=$3
	shift 3
	nsenter -t "$first" -n -- setpriv --reuid "$as" --clear-groups curl -s -m 20 -w ' %{http_code}' \
		-H 'Content-Type: application/json' "${@/#/-H}" -d "$body" "$console$path"
}
status() { local answer; answer=$(page "$@") || true; echo "${answer##* }"; }
found=/warren.v1.FoundService/Found
who=/warren.v1.ConsoleService/Whoami
same "nothing serves a page" "$(status 0 $found '{}')" 000

# As a person does it, in the foreground.
box warren up --loopback --console localhost:7780 >"$work/said" 2>&1 &
until_true grep -q '#t=' "$work/said"
token=$(sed -n 's/.*#t=//p' "$work/said" | head -n 1)
refused "another local user is given no address" 3 'does not answer to user' box su lena -c 'warren --state /var/lib/warren console --no-open'
lena=$(box id -u lena)
same "nor founds without" "$(status "$lena" $found '{"mesh":"theirs"}')" 401
same "nor by a guess" "$(status "$lena" /console/enter '{"token":"guess"}')" 401
bearer=$(page 0 /console/enter "{\"token\":\"$token\"}" | sed -n 's/.*"bearer":"\([^"]*\)".*/\1/p')
[ -n "$bearer" ] || fail "the address let nobody in"
same "the address works once" "$(status 0 /console/enter "{\"token\":\"$token\"}")" 401
same "what it gave is for that user's browser" "$(status "$lena" $who '{}' "Authorization: Bearer $bearer")" 401
same "the page founds a mesh" "$(status 0 $found '{"mesh":"home","node":"box"}' "Authorization: Bearer $bearer")" 200
until_true ready
same "and no second one" "$(status 0 $found '{"mesh":"again"}' "Authorization: Bearer $bearer")" 404
box test -s /var/lib/warren/recovery.txt || fail "there is no recovery key"

# The service is the same node, and the page is still in.
box warren down
down() { ! pgrep -f "warren up --loopback --console localhost:7780" >/dev/null; }
until_true down
printf 'loopback: true\n' >"$work/root/var/lib/warren/warren.yaml"
box systemctl start warren
until_true ready
same "the service goes on" "$(state)" active
same "the page is still in" "$(status 0 $who '{}' "Authorization: Bearer $bearer")" 200
same "no page founds on it" "$(status 0 $found '{"mesh":"again"}' "Authorization: Bearer $bearer")" 404
same "no token is in the journal" "$(box journalctl -u warren --no-pager | grep -c '#t=' || true)" 0

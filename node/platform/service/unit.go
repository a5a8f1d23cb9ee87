package service

import (
	"fmt"
	"strings"

	"warren/node/platform"
)

// Name is the unit's name, File where an administrator's units lie and
// PackageFile where those of packages do (systemd.unit(5)).
const (
	Name        = "warren.service"
	File        = "/etc/systemd/system/" + Name
	PackageFile = "/usr/lib/systemd/system/" + Name
)

// PackageProgram is where packages put the program.
const PackageProgram = "/usr/bin/warren"

// mark is how a unit of ours begins, packageMark how that of a package does.
const (
	mark        = "# Written by warren install; warren uninstall removes it."
	packageMark = "# Comes with the package; warren install writes none beside it."
)

// Unit is the text of a unit that runs program on state folder dir. Settings
// that terminals would inherit are set only where a terminal can do without:
// who is granted root shall find a whole root.
func Unit(program string, dir platform.Dir) string { return text(mark, program, dir) }

// PackageUnit is the text of the unit that packages carry.
func PackageUnit() string { return text(packageMark, PackageProgram, systemFolder) }

func text(mark, program string, dir platform.Dir) string {
	folder := "StateDirectory=warren\nStateDirectoryMode=0711"
	if dir != systemFolder {
		folder = "ReadWritePaths=" + quoted(string(dir))
	}
	return strings.NewReplacer(
		"MARK", mark, "PROGRAM", quoted(program), "DIR", quoted(string(dir)), "MEMBER", escaped(dir.Path("member")), "HELD", quoted(dir.Held()), "FOLDER", folder,
		"CAPABILITIES", strings.Join(capabilities, " "),
	).Replace(unit)
}

// systemFolder is what StateDirectory=warren makes.
const systemFolder = platform.Dir("/var/lib/warren")

// escaped keeps systemd from reading specifiers in a path, quoted also from
// splitting it (systemd.syntax(7)).
func escaped(path string) string { return strings.ReplaceAll(path, "%", "%%") }

func quoted(path string) string {
	if !strings.ContainsAny(path, " \t\"'\\$%") {
		return path
	}
	path = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `$$`).Replace(escaped(path))
	return fmt.Sprintf(`"%s"`, path)
}

// capabilities are those of root without what neither the node nor work in a
// terminal needs: loading modules and BPF programs, raw ports and memory,
// overriding mandatory access control, turning accounting off.
var capabilities = []string{ //nolint:gochecknoglobals // a list of words
	"CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_NET_BROADCAST",
	"CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETFCAP", "CAP_KILL",
	"CAP_CHOWN", "CAP_FOWNER", "CAP_FSETID", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_LINUX_IMMUTABLE", "CAP_MKNOD",
	"CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG",
	"CAP_SYSLOG", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_LEASE", "CAP_AUDIT_WRITE",
}

const unit = `MARK
[Unit]
Description=warren mesh node
After=network-online.target nss-user-lookup.target
Wants=network-online.target
# Nothing to run before warren init or warren join.
ConditionPathExists=MEMBER

[Service]
Type=notify
ExecStart=PROGRAM --state DIR up --host-files
# Waiting for approval takes as long as people take.
TimeoutStartSec=infinity
TimeoutStopSec=20
# However the node ends, no key stays down that a technician held.
ExecStopPost=-PROGRAM let-go-of-keys HELD
Restart=on-failure
RestartSec=2
# Invalid options, revoked, no mesh: starting again changes nothing.
RestartPreventExitStatus=2 3 4
# The node ends its terminals by itself, and says so to both sides.
KillMode=mixed

# The node's own files, and nothing else, take writes of the node. --host-files
# opens terminals outside of this: there whoever is root can install packages.
FOLDER
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelTunables=yes
RemoveIPC=yes
KeyringMode=private

# What follows binds terminals as well. Not set, each with its reason:
# NoNewPrivileges, RestrictSUIDSGID   sudo and su in a terminal; packages with set-uid programs
# User, DynamicUser                   terminals run as whoever is granted, root included
# PrivateDevices, DevicePolicy        /dev/net/tun for the tunnels; disks, in a terminal
# PrivateNetwork, IPAddressDeny       the mesh
# RestrictAddressFamilies             diagnosis in a terminal: packet captures, Bluetooth, CAN
# RestrictNamespaces                  leaving this view of the files for a terminal; containers there
# MemoryDenyWriteExecute              JavaScript, Java and others in a terminal compile as they run
# SystemCallArchitectures, ...Filter  32-bit and special programs in a terminal
# ProtectClock, ProtectHostname       setting both in a terminal
# ProtectKernelLogs, ProcSubset       dmesg and ps in a terminal
# UMask                               files made in a terminal
# TasksMax, limits                    terminals share them
TasksMax=infinity
LockPersonality=yes
RestrictRealtime=yes
# Without loading kernel modules and BPF programs, raw ports and memory. From a
# root terminal systemd-run does those.
CapabilityBoundingSet=CAPABILITIES

[Install]
WantedBy=multi-user.target
`

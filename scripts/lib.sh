# shellcheck shell=bash disable=SC2034 # other scripts use what is set here
# Functions shared by scripts/demo, scripts/check, scripts/run-docs and friends.  Source it from bash.
#
# A script calls, in this order:
#
#	le_need TOOL...              installs the packages that are missing (and finds PostgreSQL)
#	le_workdir MEGABYTES         private work directory, deleted when the script ends
#	le_copy_source               copy of the tree in $LE_SRC, so that the clone stays clean
#	le_private_server [ROOT]     copy of the server in ROOT ($LE_WORK/pg), where "make install" goes
#	le_build ARG... ; le_install
#	le_start_cluster <<<"more settings"
#
# PostgreSQL's programs find their libraries and extensions relative to their own place.  A copy of the programs, with links to everything else, is therefore a complete installation of its own.  The ordinary
# "make install" installs the extension there, on every version, without root and without touching the system's
# directories or clusters, and two checks can run at once.
#
# PostgreSQL refuses to run as root, so as root everything but the installation of packages runs as $LE_USER.

set -euo pipefail

LE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LE_MIN_MAJOR=15
LE_MAX_MAJOR=18
LE_FORMAT_MAJOR=14 # clang-format's output differs between its major versions
LE_WORK=           # the private work directory
LE_SRC=            # the copy of the source in it
LE_USER=           # who builds and runs the server; empty: the caller
LE_AS=(env)        # the command that runs another one as that user
LE_CLUSTER=        # directory of data, socket and log of the server; empty: $LE_WORK
LE_KEEP=           # not empty: leave work directory and server at the end
LE_CHILD=          # process group of the command that le_run waits for
LE_LIMIT=          # seconds that such a command may take; empty: any time
LE_TIMES=          # file to which the processor time of such commands is added; empty: none
LE_APT_UPDATED=
LE_SERVER_TOOLS=(make gcc bison flex bzip2 pkg-config libicu-dev libxml2-dev) # that a server is built with
LE_MAKE=()         # the make command with what every call needs
LE_SYSTEM_PG=      # pg_config of the server that private ones are copies of
PG_CONFIG=${PG_CONFIG:-}

le_say()
{
	printf '== %s\n' "$*"
}

# Prints every five seconds that something is still at work, until le_ticker_off or the end of the script.
LE_TICKER=
le_ticker_on() # WHAT
{
	le_ticker_off
	local began=$SECONDS
	(
		trap - EXIT INT TERM
		while sleep 5 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
			printf '   %s: %d s\n' "$1" $((SECONDS - began))
		done
	) >&2 &
	LE_TICKER=$!
}

le_ticker_off()
{
	[ -n "$LE_TICKER" ] || return 0
	kill "$LE_TICKER" 2>/dev/null || true
	wait "$LE_TICKER" 2>/dev/null || true
	LE_TICKER=
}

# Runs a command, and says every five seconds that it is at work.
le_watched() # WHAT COMMAND...
{
	local rc=0
	le_ticker_on "$1"
	shift
	"$@" || rc=$?
	le_ticker_off
	return $rc
}

le_die()
{
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# = 0 ] || printf 'hint: %s\n' "$@" >&2
	exit 1
}

# Packages

# Runs a command as root; fails where that cannot be had.
le_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif ! command -v sudo >/dev/null; then
		echo "neither root nor sudo" >&2
		return 1
	elif [ -t 2 ]; then
		sudo "$@" # may ask for a password, on the terminal
	else
		sudo -n "$@"
	fi
}

le_apt()
{
	le_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null
}

le_apt_update()
{
	[ -z "$LE_APT_UPDATED" ] || return 0
	command -v apt-get >/dev/null || return 1
	LE_APT_UPDATED=1
	le_apt update >/dev/null 2>&1 || echo "warning: apt-get update failed" >&2
}

# Is there a version of this package to install?
le_apt_has()
{
	local policy
	policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null) || return 1
	[[ $policy == *Candidate:* && $policy != *"Candidate: (none)"* ]]
}

# Packages of PostgreSQL make and start a "main" cluster when they are installed.  A file of this name keeps them from it;
# le_restore_main_cluster puts back what was there, which for a new installation is the package's own file.
LE_CREATECLUSTER=/etc/postgresql-common/createcluster.conf
LE_CREATECLUSTER_IS_OURS=

le_no_main_cluster()
{
	[ ! -e "$LE_CREATECLUSTER" ] || return 0
	LE_CREATECLUSTER_IS_OURS=1
	le_root mkdir -p "${LE_CREATECLUSTER%/*}"
	echo 'create_main_cluster = false' | le_root tee "$LE_CREATECLUSTER" >/dev/null
}

le_restore_main_cluster()
{
	[ -n "$LE_CREATECLUSTER_IS_OURS" ] || return 0
	LE_CREATECLUSTER_IS_OURS=
	if [ -e "$LE_CREATECLUSTER.ucf-dist" ]; then
		le_root mv "$LE_CREATECLUSTER.ucf-dist" "$LE_CREATECLUSTER"
	else
		le_root rm -f "$LE_CREATECLUSTER"
	fi
	echo "The package of PostgreSQL was installed without a cluster.  To have one: sudo pg_createcluster VERSION main --start"
}

# Installs packages; fails, with apt's words on stderr, if one cannot be had.
le_apt_install()
{
	local log rc=0
	command -v apt-get >/dev/null || {
		echo "no apt-get here" >&2
		return 1
	}
	le_apt_update || true
	if [[ " $*" == *" postgresql-"* ]]; then
		le_no_main_cluster || return 1
	fi
	le_say "installing $*"
	le_ticker_on "installing"
	log=$(le_apt install --no-install-recommends "$@" 2>&1) || rc=$?
	le_ticker_off
	le_restore_main_cluster
	if [ $rc != 0 ]; then
		printf '%s\n' "$log" | tail -n 5 >&2
		return 1
	fi
}

le_pg_major()
{
	local v
	v=$("$1" --version 2>/dev/null) || return 1
	v=${v#PostgreSQL }
	echo "${v%%[!0-9]*}"
}

# Has this pg_config a server, its headers, and a version that the extension supports?
le_pg_usable()
{
	local major
	major=$(le_pg_major "$1") || return 1
	[ -n "$major" ] && [ "$major" -ge $LE_MIN_MAJOR ] && [ "$major" -le $LE_MAX_MAJOR ] &&
		[ -x "$("$1" --bindir)/postgres" ] && [ -f "$("$1" --pgxs)" ] &&
		[ -f "$("$1" --includedir-server)/postgres.h" ]
}

# Sets PG_CONFIG: the environment's, a program or a major version, else the newest of the distribution's layout, else that
# on PATH, else what apt-get can install.
le_find_pg()
{
	local n c
	if [[ $PG_CONFIG =~ ^[0-9]+$ ]]; then
		n=$PG_CONFIG
		PG_CONFIG=/usr/lib/postgresql/$n/bin/pg_config
		if [ "$n" = 16 ] && ! le_pg_usable "$PG_CONFIG" && ! { le_apt_update && le_apt_has postgresql-16; }; then
			PG_CONFIG=$(le_wheel_server) || le_die "no package has PostgreSQL 16"
		fi
	fi
	if [ -n "$PG_CONFIG" ]; then
		if le_pg_usable "$PG_CONFIG"; then
			return 0
		fi
		case $PG_CONFIG in
		/usr/lib/postgresql/*/bin/pg_config)
			n=${PG_CONFIG#/usr/lib/postgresql/}
			n=${n%%/*}
			le_apt_install "postgresql-$n" "postgresql-server-dev-$n" || true
			;;
		esac
		le_pg_usable "$PG_CONFIG" ||
			le_die "PG_CONFIG=$PG_CONFIG has no PostgreSQL $LE_MIN_MAJOR to $LE_MAX_MAJOR with server headers"
		return 0
	fi
	for ((n = LE_MAX_MAJOR; n >= LE_MIN_MAJOR; n--)); do
		c=/usr/lib/postgresql/$n/bin/pg_config
		if le_pg_usable "$c"; then
			PG_CONFIG=$c
			return 0
		fi
	done
	# a server without headers, or headers without a server
	for ((n = LE_MAX_MAJOR; n >= LE_MIN_MAJOR; n--)); do
		c=/usr/lib/postgresql/$n
		if [ -x "$c/bin/postgres" ] || [ -d "$c/lib/pgxs" ]; then
			le_apt_install "postgresql-$n" "postgresql-server-dev-$n" || continue
			PG_CONFIG=$c/bin/pg_config
			return 0
		fi
	done
	c=$(command -v pg_config || true)
	if [ -n "$c" ] && le_pg_usable "$c"; then
		PG_CONFIG=$c
		return 0
	fi
	le_apt_update || true
	for ((n = LE_MAX_MAJOR; n >= LE_MIN_MAJOR; n--)); do
		if le_apt_has "postgresql-$n" && le_apt_has "postgresql-server-dev-$n"; then
			le_apt_install "postgresql-$n" "postgresql-server-dev-$n" ||
				le_die "cannot install PostgreSQL $n" \
					"run as root: apt-get install postgresql-$n postgresql-server-dev-$n"
			PG_CONFIG=/usr/lib/postgresql/$n/bin/pg_config
			le_pg_usable "$PG_CONFIG" || le_die "PostgreSQL $n was installed but $PG_CONFIG is not usable"
			return 0
		fi
	done
	le_die "no PostgreSQL $LE_MIN_MAJOR to $LE_MAX_MAJOR with server headers found" \
		"set PG_CONFIG, or add the package source of https://www.postgresql.org/download/"
}

# PostgreSQL 16, which no Debian has, from a package of PyPI that has its headers and pg_regress too; prints its pg_config.
# It was built without ICU, TAP tests and contrib.
le_wheel_server()
{
	local dir
	le_choose_user
	dir=$(le_cache postgresql-16) || return 1
	if [ ! -e "$dir/complete" ]; then
		le_try python3-venv >&2 || return 1
		# The wheels are of particular versions of Python, which what they contain does not need.
		# shellcheck disable=SC2016 # the inner shell expands these
		as_user env DIR="$dir" bash -euc '
			python3 -m venv --clear "$DIR/venv"
			"$DIR/venv/bin/pip" download -q --no-cache-dir --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.12 \
				-d "$DIR" pgserver==0.1.4
			python3 -m zipfile -e "$DIR"/pgserver-*.whl "$DIR"
			cd "$DIR/pgserver/pginstall"
			chmod +x bin/* lib/postgresql/pgxs/config/install-sh lib/postgresql/pgxs/src/test/*/*regress* lib/postgresql/pgxs/src/test/isolation/*
			rm -rf "$DIR"/pgserver-*.whl "$DIR/venv"
			touch "$DIR/complete"' >&2 || return 1
	fi
	echo "$dir/pgserver/pginstall/bin/pg_config"
}

# Names of the packages, of those that the arguments' commands come from, that are missing.
le_missing()
{
	local tool
	for tool in "$@"; do
		case $tool in
		make) command -v make >/dev/null || echo make ;;
		gcc)
			command -v gcc >/dev/null || echo gcc
			echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || echo libc6-dev
			;;
		prove) command -v prove >/dev/null || echo perl ;;
		ipc-run) perl -MIPC::Run -e1 >/dev/null 2>&1 || echo libipc-run-perl ;;
		clang-format) le_clang_format >/dev/null || echo "clang-format-$LE_FORMAT_MAJOR" ;;
		plpgsql-check) # of the PostgreSQL that was found
			[ -e "$("$PG_CONFIG" --sharedir)/extension/plpgsql_check.control" ] ||
				echo "postgresql-$("$PG_CONFIG" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')-plpgsql-check"
			;;
		pg-cron) # of the PostgreSQL that was found
			[ -e "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control" ] ||
				echo "postgresql-$("$PG_CONFIG" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')-cron"
			;;
		libicu-dev) pkg-config --exists icu-i18n 2>/dev/null || echo libicu-dev ;;
		libxml2-dev) pkg-config --exists libxml-2.0 2>/dev/null || echo libxml2-dev ;;
		browser) # with what drives it, and what reads its prints
			command -v chromium >/dev/null || echo chromium
			command -v node >/dev/null || echo nodejs
			command -v npm >/dev/null || echo npm
			command -v pdftotext >/dev/null || echo poppler-utils
			;;
		packaging) # of Debian, and of PGXN
			command -v dh >/dev/null || echo debhelper
			command -v dpkg-buildpackage >/dev/null || echo dpkg-dev
			command -v git >/dev/null || echo git
			command -v unzip >/dev/null || echo unzip
			command -v pg_buildext >/dev/null ||
				if le_apt_has postgresql-common-dev; then echo postgresql-common-dev; else echo postgresql-server-dev-all; fi
			;;
		linters) # of PyPI and npm
			python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || echo python3-venv
			command -v npm >/dev/null || echo npm
			command -v git >/dev/null || echo git
			;;
		xmllint) command -v xmllint >/dev/null || echo libxml2-utils ;;
		soffice) command -v soffice >/dev/null || echo libreoffice-calc-nogui ;;
		python3-venv) python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || echo python3-venv ;;
		*) command -v "$tool" >/dev/null || echo "$tool" ;;
		esac
	done
}

# Finds PostgreSQL and makes sure that these tools are here, or ends the script.
le_need()
{
	local missing
	mapfile -t missing < <(le_missing "$@")
	if [ ${#missing[@]} -gt 0 ]; then
		le_apt_install "${missing[@]}" ||
			le_die "missing packages: ${missing[*]}" "run as root: apt-get install ${missing[*]}"
	fi
	le_find_pg
	export PG_CONFIG
}

# Tries to have one tool; fails if it cannot be had.
le_try()
{
	local missing
	mapfile -t missing < <(le_missing "$1")
	[ ${#missing[@]} = 0 ] || le_apt_install "${missing[@]}" >/dev/null 2>&1 || [ "$1" = clang-format ] || return 1
	[ "$1" != clang-format ] || le_clang_format >/dev/null || le_wheel_clang_format || return 1
	[ -z "$(le_missing "$1")" ]
}

# Installs clang-format from PyPI, where a distribution has other versions.
le_wheel_clang_format()
{
	local dir
	le_try python3-venv && dir=$(le_cache clang-format) || return 1
	as_user python3 -m venv --clear "$dir" &&
		as_user "$dir/bin/pip" install -q --no-cache-dir --disable-pip-version-check "clang-format~=$LE_FORMAT_MAJOR.0" >/dev/null 2>&1
}

# Makes a directory that stays for the next time, of what was downloaded, and prints its name.  It belongs to the user who runs
# what is in it; another's is not used.
le_cache() # NAME
{
	local base=${LEDGER_CACHE:-/var/tmp/ledger_engine-$(as_user id -un)}
	as_user mkdir -p -m 700 "$base" && [ ! -L "$base" ] && [ "$(stat -c %u "$base")" = "$(as_user id -u)" ] &&
		as_user mkdir -p "$base/$1" || return 1
	echo "$base/$1"
}

# Prints the name of the clang-format that the tree is formatted with.
le_clang_format()
{
	local c
	for c in "clang-format-$LE_FORMAT_MAJOR" clang-format "$(le_cache clang-format || true)/bin/clang-format"; do
		if "$c" --version 2>/dev/null | grep -q "version $LE_FORMAT_MAJOR\\."; then
			echo "$c"
			return 0
		fi
	done
	return 1
}

# The work directory, and the end

# Runs a command as the user who owns the work directory.
as_user()
{
	"${LE_AS[@]}" "$@"
}

# Runs a long command as that user, in a process group of its own, so that an interrupt ends all of it at once.  After $LE_LIMIT
# seconds it is ended with status 124 or 137.
le_run()
{
	local rc=0
	"${LE_AS[@]}" setsid ${LE_LIMIT:+timeout -k 10 "$LE_LIMIT"} ${LE_TIMES:+"$LE_WORK/src/scripts/with-times" "$LE_TIMES"} "$@" </dev/null &
	LE_CHILD=$!
	wait "$LE_CHILD" || rc=$?
	LE_CHILD=
	return $rc
}

# Ends the command that le_run waits for, and all that it started.
le_end_child()
{
	[ -n "$LE_CHILD" ] || return 0
	kill -TERM -- "-$LE_CHILD" 2>/dev/null || true
	for _ in {1..30}; do
		kill -0 -- "-$LE_CHILD" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$LE_CHILD" 2>/dev/null || true
	LE_CHILD=
}

# Stops every server whose data directory is below this one: ours, and what a killed test left behind.
le_stop_servers() # DIRECTORY
{
	local pidfile pid
	while read -r pidfile; do
		pid=$(head -n 1 "$pidfile" 2>/dev/null) || continue
		[[ $pid =~ ^[0-9]+$ ]] || continue
		[ "$(readlink "/proc/$pid/cwd")" = "${pidfile%/*}" ] || continue
		kill -QUIT "$pid" 2>/dev/null || continue
		for _ in {1..100}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
	done < <(find "$1" -name postmaster.pid 2>/dev/null)
}

# Scripts may replace this: it is called last, with the exit status.
le_at_exit()
{
	:
}

le_cleanup()
{
	local rc=$? job
	trap - EXIT
	trap '' INT TERM HUP
	le_ticker_off
	le_restore_main_cluster
	le_end_child
	# Whatever works beside this process ends what it began.
	for job in $(jobs -p); do
		kill -TERM "$job" 2>/dev/null || true
	done
	wait
	if [ -n "$LE_WORK" ] && [ -d "$LE_WORK" ]; then
		cd /
		if [ -z "$LE_KEEP" ]; then
			le_stop_servers "$LE_WORK"
			rm -rf "$LE_WORK" || true
		fi
	fi
	le_at_exit $rc
	exit $rc
}
trap le_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Chooses who runs what must not be run by root.
le_choose_user()
{
	local v
	[ "$(id -u)" = 0 ] && [ -z "$LE_USER" ] || return 0
	for v in postgres nobody; do
		if id "$v" >/dev/null 2>&1; then
			LE_USER=$v
			break
		fi
	done
	[ -n "$LE_USER" ] || le_die "no unprivileged user to run PostgreSQL as" "run this as an ordinary user"
	LE_AS=(setpriv --reuid="$(id -u "$LE_USER")" --regid="$(id -g "$LE_USER")" --init-groups
		env HOME=/ USER="$LE_USER" LOGNAME="$LE_USER")
}

# Ends the script where TMPDIR has too little room.
le_require_space() # MEGABYTES
{
	local dir=${TMPDIR:-/tmp} free
	free=$(($(df -k --output=avail "$dir" | tail -n 1) / 1024))
	[ "$free" -ge "$1" ] || le_die "$dir has $free MB of free space, and this needs $1 MB" \
		"set TMPDIR to a directory with more, as TMPDIR=/var/tmp $0"
}

# Makes the work directory.  From here on the script works in it, as $LE_USER, without the caller's PG* settings.
le_workdir() # MEGABYTES
{
	local v
	for v in "${!PG@}"; do
		[ "$v" = PG_CONFIG ] || unset "$v"
	done
	export LC_ALL=C.UTF-8 LANG=C.UTF-8
	umask 022
	le_require_space "${1:-1000}"
	le_choose_user
	LE_WORK=$(mktemp -d "${TMPDIR:-/tmp}/ledger.XXXXXX")
	LE_WORK=$(cd "$LE_WORK" && pwd -P)
	[ ${#LE_WORK} -lt 60 ] || le_die "the path of $LE_WORK is too long for a socket" "set TMPDIR to a shorter one"
	if [ -n "$LE_USER" ]; then
		chown "$LE_USER:$(id -g "$LE_USER")" "$LE_WORK"
	fi
	LE_AS+=(HOME="$LE_WORK")
	cd "$LE_WORK"
	export TMPDIR=$LE_WORK/tmp
	as_user mkdir "$LE_WORK/src" "$LE_WORK/log" "$LE_WORK/s" "$TMPDIR" ||
		le_die "user ${LE_USER:-$(id -un)} cannot write in $LE_WORK" "set TMPDIR to a directory that everyone can reach"
	LE_SRC=$LE_WORK/src
}

# Copies the tree as it stands, committed or not, without what a build or test left in it.
le_copy_source()
{
	local rc=0
	tar -C "$LE_TOP" --exclude=./.git --exclude=tmp_check --exclude=./test/results --exclude=./test/output_iso \
		--exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf "$LE_WORK/src.tar" . || rc=$?
	[ $rc -le 1 ] || le_die "cannot copy $LE_TOP" # 1: a file changed while it was read
	chmod 644 "$LE_WORK/src.tar"
	as_user tar -C "$LE_SRC" --no-same-owner -xf "$LE_WORK/src.tar"
	rm -f "$LE_WORK/src.tar"
}

# Makes a private installation, and points PG_CONFIG and PATH to it.
le_private_server() # [ROOT]
{
	local root=${1:-$LE_WORK/pg}
	LE_SYSTEM_PG=${LE_SYSTEM_PG:-$PG_CONFIG}
	# shellcheck disable=SC2016 # the inner shell expands these
	as_user env PG_CONFIG="$LE_SYSTEM_PG" ROOT="$root" bash -euc '
		bin=$("$PG_CONFIG" --bindir) lib=$("$PG_CONFIG" --pkglibdir) share=$("$PG_CONFIG" --sharedir)
		inc=$("$PG_CONFIG" --includedir)
		links() # FROM: links to what is in it, save this extension; files below "extension" one by one
		{
			mkdir -p "$ROOT$1"
			for f in "$1"/*; do
				case ${f##*/} in
				ledger_engine*) ;;
				extension) links "$f" ;;
				*) [ -e "$ROOT$f" ] || ln -s "$f" "$ROOT$f" ;;
				esac
			done
		}
		mkdir -p "$ROOT$bin" "$ROOT${inc%/*}"
		for f in "$bin"/{postgres,initdb,psql,pgbench,pg_*,createdb,dropdb,createuser,dropuser,vacuumdb,reindexdb}; do
			[ ! -x "$f" ] || cp -L "$f" "$ROOT$bin/"
		done
		links "$lib"
		links "$share"
		[ -e "$ROOT$inc" ] || ln -s "$inc" "$ROOT$inc"
		# where programs of a wheel of PyPI look for libraries
		wheel=${bin%/*/*/*}
		[ ! -d "$wheel/pgserver.libs" ] || ln -s "$wheel/pgserver.libs" "$ROOT$wheel/pgserver.libs"
	' || le_die "cannot copy the PostgreSQL of $LE_SYSTEM_PG"
	le_use_server "$root"
	"$PG_CONFIG" --version >/dev/null 2>&1 ||
		le_die "programs in $LE_WORK cannot be run" "set TMPDIR to a directory that is not mounted noexec"
	[ "$("$PG_CONFIG" --sharedir)" = "$root$("$LE_SYSTEM_PG" --sharedir)" ] ||
		le_die "the PostgreSQL of $LE_SYSTEM_PG cannot be copied"
}

# Points PG_CONFIG, PATH and make to a private installation that was made, and to the tree in $LE_SRC.
le_use_server() # ROOT
{
	local bin
	bin=$1$("$LE_SYSTEM_PG" --bindir)
	export PG_CONFIG=$bin/pg_config PATH=$bin:$PATH
	LE_MAKE=(make -C "$LE_SRC" --no-print-directory PG_CONFIG="$PG_CONFIG" with_llvm=no)
}

# Builds; arguments go to make.
le_build()
{
	le_run "${LE_MAKE[@]}" clean && le_run "${LE_MAKE[@]}" -j2 "$@"
}

# Installs what was built; arguments go to make.
le_install()
{
	le_run "${LE_MAKE[@]}" install "$@"
}

# Bytes of memory that we may use.
le_memory()
{
	local kb limit
	kb=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
	limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
	if [[ $limit =~ ^[0-9]+$ ]] && [ "$limit" -lt $((kb * 1024)) ]; then
		echo "$limit"
	else
		echo $((kb * 1024))
	fi
}

# Makes a data directory: a copy of the one that initdb made before for this script, and the first time that one.
le_make_data() # DIRECTORY
{
	local made=$LE_WORK/initdb lock
	exec {lock}>>"$LE_WORK/initdb.lock"
	flock "$lock"
	if [ ! -d "$made" ]; then
		as_user initdb -D "$made.new" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N >"$made.log" 2>&1 ||
			{
				rm -rf "$made.new"
				as_user initdb -D "$made.new" -A trust -U postgres -E UTF8 --locale=C -N >"$made.log" 2>&1
			} ||
			{
				cat "$made.log" >&2
				le_die "initdb failed"
			}
		mv "$made.new" "$made"
	fi
	exec {lock}>&-
	as_user cp -a "$made" "$1"
}

# Makes and starts the cluster, reached by its socket only.  Further settings come on standard input.
le_start_cluster()
{
	local dir=${LE_CLUSTER:-$LE_WORK} shm
	local data=$dir/data
	export PGHOST=$dir/s PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	le_make_data "$data"
	{
		echo "unix_socket_directories = '$PGHOST'"
		echo "listen_addresses = ''"
		echo "port = $PGPORT"
		# a container's /dev/shm is often too small for parallel query
		shm=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1 || true)
		[ "${shm:-0}" -ge 524288 ] || echo "dynamic_shared_memory_type = sysv"
		cat
	} >>"$data/postgresql.conf"
	le_run pg_ctl -D "$data" -w -t 120 -s -l "$dir/log/server" start ||
		{
			tail -n 20 "$dir/log/server" >&2
			le_die "the server did not start"
		}
}

# psql without anyone's .psqlrc, stopping at the first error.
le_psql()
{
	le_run psql -X -q -v ON_ERROR_STOP=1 "$@"
}

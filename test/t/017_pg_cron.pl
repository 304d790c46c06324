# Jobs run by pg_cron itself, in sessions of its own and in background workers: scheduled, run, skipped while they still run,
# gone on with after they were killed, failed, unscheduled; and what keeps them from being scheduled.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($share, undef) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

# Servers, whose jobs are in database ledger
sub new_cron_node
{
	my ($name, @settings) = @_;
	my $node = new_node($name);

	$node->append_conf(
		'postgresql.conf', join "\n",
		q{shared_preload_libraries = 'pg_cron'},
		q{cron.database_name = 'ledger'},
		q{cron.host = '} . $node->host . q{'},
		'max_worker_processes = 20',
		@settings, '');
	$node->safe_psql('postgres', 'CREATE DATABASE ledger');
	$node->restart;
	$node->safe_psql(
		'ledger', q{
		CREATE EXTENSION ledger_engine;
		SELECT acct.install();
		SELECT acct.install_takaful_sample();
		SELECT * FROM acct.install_roles();
		CREATE ROLE clerk LOGIN IN ROLE acct_operator;});
	load_quietly($node, 'ledger', '2025-01-01', 2000, 42);
	return $node;
}

my $node = new_cron_node('sessions');
my $workers = new_cron_node('workers', 'cron.use_background_workers = on');

# What a user sees who logs in.
sub as_clerk
{
	my ($sql, $on) = @_;
	my $server = $on // $node;

	return $server->safe_psql('ledger', $sql, extra_params => [ '-U', 'clerk' ]);
}

sub clerk_fails_with
{
	my ($sql, $pattern, $name) = @_;
	my ($rc, undef, $stderr) = $node->psql('ledger', $sql, extra_params => [ '-U', 'clerk', '-v', 'VERBOSITY=verbose' ]);

	isnt($rc, 0, "$name: refused");
	like($stderr, $pattern, $name);
	return;
}

#
# What keeps jobs from being scheduled
#
clerk_fails_with('SELECT * FROM acct.schedule_jobs()', qr/55000: extension pg_cron is not installed in this database\nHINT:  .*CREATE EXTENSION pg_cron/,
	'without the extension');
$node->safe_psql('ledger', 'CREATE EXTENSION pg_cron');
clerk_fails_with('SELECT * FROM acct.schedule_jobs()', qr/42501: user "clerk" may not use pg_cron\nHINT:  .*GRANT USAGE ON SCHEMA cron TO clerk/,
	'without a right to it');
$node->safe_psql('ledger', 'GRANT USAGE ON SCHEMA cron TO acct_operator');
clerk_fails_with('SET ROLE acct_operator; SELECT * FROM acct.schedule_jobs()', qr/42501: user "acct_operator" cannot log in, as pg_cron must/,
	'as a role that cannot log in');
clerk_fails_with(q{SELECT * FROM acct.schedule_jobs('{"rotate": "every night"}')}, qr/22023: invalid schedule: every night/, 'no cron expression');
make_database($node, 'other');
$node->safe_psql('other', 'SELECT * FROM acct.install_roles()');
load_quietly($node, 'other', '2025-01-01', 1000, 42);
fails_with($node, 'other', 'SELECT * FROM acct.schedule_jobs()',
	qr/55000: pg_cron keeps its jobs in another database, "ledger"\nHINT:  .*cron.schedule_in_database\('ledger_engine:run\@other', '15 1 \* \* \*', 'CALL acct.run_job\(''run''\)', 'other'\);/,
	'in another database');
is($node->safe_psql('other', 'SELECT count(*) FROM acct.scheduled_jobs'), '0', 'in another database no job is seen');

#
# Scheduled, changed, removed
#
my $default = join "\n",
  q{ledger_engine:retention|45 4 * * *|CALL acct.run_job('retention')},
  q{ledger_engine:rotate|45 0 * * *|CALL acct.run_job('rotate')},
  q{ledger_engine:run|15 1 * * *|CALL acct.run_job('run')},
  q{ledger_engine:snapshot|15 4 * * *|CALL acct.run_job('snapshot')};
$node->safe_psql('ledger', q{SELECT cron.schedule('not ours', '0 0 1 1 *', 'SELECT 1')});
is(as_clerk('SELECT job_name, cron_schedule, command FROM acct.schedule_jobs()'), $default, 'scheduled by default');
my $jobs = as_clerk('SELECT job, job_id FROM acct.scheduled_jobs ORDER BY job');
as_clerk('SELECT * FROM acct.schedule_jobs()');
is(as_clerk('SELECT job, job_id FROM acct.scheduled_jobs ORDER BY job'), $jobs, 'again: the same jobs');
is(as_clerk(q{SELECT job_name, cron_schedule, command, job_id IS NULL FROM acct.schedule_jobs('{"rotate": {"schedule": "5 5 * * *", "ahead": 3}, "run": null}')}),
	qq{ledger_engine:rotate|5 5 * * *|CALL acct.run_job('rotate', '{"ahead": 3}')|f\nledger_engine:run|||t}, 'one changed, one removed');
is(as_clerk('SELECT job, schedule, command, active, username, last_status FROM acct.scheduled_jobs WHERE job <> $$retention$$'),
	qq{rotate|5 5 * * *|CALL acct.run_job('rotate', '{"ahead": 3}')|t|clerk|\nsnapshot|15 4 * * *|CALL acct.run_job('snapshot')|t|clerk|},
	'as the view shows them');
is($node->safe_psql('ledger', q{SELECT database, username, nodename FROM cron.job WHERE jobname = 'ledger_engine:rotate'}),
	'ledger|clerk|' . $node->host, 'as pg_cron knows them');
$node->safe_psql('ledger', q{SELECT cron.schedule_in_database('ledger_engine:run', '0 0 1 1 *', 'SELECT 1', 'other', 'clerk')});
clerk_fails_with('SELECT * FROM acct.schedule_jobs()', qr/42710: job "ledger_engine:run" runs in another database, "other"\nHINT:  .*cron.unschedule\(\d+\)/,
	'a job of another database is left alone');
is(as_clerk('SELECT * FROM acct.unschedule_jobs()'), "ledger_engine:retention\nledger_engine:rotate\nledger_engine:snapshot", 'unscheduled');
is($node->safe_psql('ledger', q{SELECT jobname, database FROM cron.job ORDER BY 1}), "ledger_engine:run|other\nnot ours|ledger",
	'what is not ours stays');
$node->safe_psql('ledger', q{SELECT cron.unschedule(jobid) FROM cron.job WHERE database = 'other'});
# A database that was renamed: its jobs follow, also where pg_cron keeps the old name.
as_clerk('SELECT * FROM acct.schedule_jobs()');
$node->safe_psql('ledger', q{UPDATE cron.job SET database = 'former' WHERE jobname = 'ledger_engine:run'});
as_clerk('SELECT * FROM acct.schedule_jobs()');
is($node->safe_psql('ledger', q{SELECT DISTINCT database FROM cron.job}), 'ledger', 'jobs follow a database that was renamed');

#
# Killed while it posts: the run is there, and not posted.
#
my $killed = start_session($node, 'ledger');
my $holder = hold_lock($node, 'ledger', 'LOCK TABLE acct.ledger_book IN ACCESS EXCLUSIVE MODE');
$killed->submit(q{CALL acct.run_job('run')});
wait_until('the job to wait', sub { $killed->waits_for($node, $holder) });
like($node->safe_psql('ledger', q{SELECT detail FROM acct.health('{runs_stuck}')}), qr/process \d+ works on it/, 'the run is being worked on');
$node->safe_psql('ledger', "SELECT pg_terminate_backend($killed->{pid})");
wait_until('the end of the job', sub { $node->safe_psql('ledger', "SELECT count(*) FROM pg_stat_activity WHERE pid = $killed->{pid}") eq '0' });
$holder->submit('COMMIT');
$holder->finish;
is($node->safe_psql('ledger', 'SELECT run_key, status FROM acct.journal_run'), 'ledger_engine:run:2025-01:1|expanded', 'a job was killed');

#
# Run by pg_cron: a month, also one that was begun, in sessions and in background workers; one that fails; one that still runs;
# one of another database.
#
my $version = $node->safe_psql('ledger', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'});
my $now = $version =~ /^1\.[0-4]\b/ ? '* * * * *' : '2 seconds';
note("pg_cron $version, $now");
$node->safe_psql('ledger', q{SELECT * FROM acct.rotate_ledger_partitions(0, '2025-02-01');
	INSERT INTO acct.account_balance_snapshot VALUES ('NOBODY', 'PRIMARY', '2025-02-01', 'TABARRU', '2430', 'IDR', 0, 1, 1, 0, 2, NULL)});
$holder = hold_lock($node, 'ledger', 'LOCK TABLE acct.retention_policy IN ACCESS EXCLUSIVE MODE');
my $running = start_session($node, 'ledger');
$running->submit(q{CALL acct.run_job('retention')});
wait_until('the job to wait', sub { $running->waits_for($node, $holder) });
as_clerk(qq{SELECT * FROM acct.schedule_jobs('{"retention": "$now", "run": "$now", "snapshot": "$now"}')});
$node->safe_psql('ledger', qq{SELECT cron.schedule_in_database('ledger_engine:run\@other', '$now', 'CALL acct.run_job(''run'')', 'other')});
$workers->safe_psql('ledger', 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO clerk');
as_clerk(qq{SELECT * FROM acct.schedule_jobs('{"run": "$now", "rotate": "$now"}')}, $workers);

# A row for each job whose last run is at its end
my $ended = q{SELECT count(DISTINCT job) FROM acct.scheduled_jobs WHERE last_end IS NOT NULL};
wait_until('pg_cron, with sessions', sub { $node->safe_psql('ledger', $ended) eq '3' }, 200_000);
wait_until('pg_cron, with background workers', sub { $workers->safe_psql('ledger', $ended) eq '2' }, 200_000);
wait_until('pg_cron, in another database', sub { $node->safe_psql('other', q{SELECT count(*) FROM acct.journal_run WHERE status = 'posted'}) eq '1' },
	200_000);
# Each has run; none shall while it is looked at.
my $never = '0 0 1 1 *';
as_clerk(qq{SELECT * FROM acct.schedule_jobs('{"retention": "$never", "run": "$never", "snapshot": "$never"}')});
as_clerk(qq{SELECT * FROM acct.schedule_jobs('{"run": "$never", "rotate": "$never"}')}, $workers);
$node->safe_psql('ledger', q{SELECT cron.unschedule(jobid) FROM cron.job WHERE database = 'other'});
for my $server ($node, $workers)
{
	wait_until('the end of what pg_cron does',
		sub { $server->safe_psql('ledger', q{SELECT count(*) FROM cron.job_run_details WHERE end_time IS NULL}) eq '0' }, 200_000);
}
is($node->safe_psql('ledger', 'SELECT run_key, status, created_by, posted_by, transactions FROM acct.journal_run'),
	'ledger_engine:run:2025-01:1|posted|' . $node->safe_psql('ledger', 'SELECT session_user') . '|clerk|2000', 'what was begun is posted');
is($workers->safe_psql('ledger', 'SELECT run_key, status, created_by, posted_by, transactions FROM acct.journal_run'),
	'ledger_engine:run:2025-01:1|posted|clerk|clerk|2000', 'a month is posted by a background worker');
is($workers->safe_psql('ledger', q{SELECT count(*) FROM acct.health('{source_partitions, ledger_partitions}') WHERE status = 'ok'}), '2',
	'partitions are made by a background worker');
is(as_clerk(q{SELECT job, last_status FROM acct.scheduled_jobs ORDER BY job}, $workers), "rotate|succeeded\nrun|succeeded",
	'the view says so, with background workers');
is(as_clerk(q{SELECT job, last_status, last_end >= last_start FROM acct.scheduled_jobs WHERE job IN ('retention', 'run', 'snapshot') ORDER BY job}),
	"retention|skipped|t\nrun|succeeded|t\nsnapshot|failed|t", 'the view says so, with sessions');
is(as_clerk(q{SELECT last_message FROM acct.scheduled_jobs WHERE job = 'retention'}), 'another session is at it', 'why it was skipped');
like(as_clerk(q{SELECT last_message FROM acct.scheduled_jobs WHERE job = 'snapshot'}),
	qr/job "snapshot" failed.*LE009: 1 balances differ from the lines of the ledger.*NOBODY PRIMARY 2025-02 /s, 'why it failed');
# (On a slow machine the retention may have been skipped more than once, which it tells, too.)
is($node->safe_psql('ledger', q{SELECT h.status, f.job FROM acct.health('{jobs}') AS h, regexp_matches(h.detail, 'failed: (\w+)', 'g') AS f (job)}),
	'warning|{snapshot}', 'health() tells of the job that failed');
is($node->safe_psql('ledger', q{SELECT count(*) FROM acct.run_log WHERE step = 'job' AND detail ->> 'job' = 'retention' AND detail ->> 'status' <> 'skipped'}),
	'0', 'no run of the job waited');
as_clerk('SELECT * FROM acct.unschedule_jobs()');
$node->safe_psql('ledger', 'SELECT cron.unschedule(jobid) FROM cron.job');
$holder->submit('COMMIT');
$holder->finish;
$running->finish;
is($running->error =~ s/^.*NOTICE.*\n//mgr, '', 'the job that ran meanwhile ended well');
$node->safe_psql('ledger', q{DELETE FROM acct.account_balance_snapshot WHERE entity_code = 'NOBODY'});
for my $what ([ $node, 'ledger' ], [ $node, 'other' ], [ $workers, 'ledger' ])
{
	is(broken_invariants(@$what), '', $what->[0]->name . ", $what->[1]: the ledger is right");
}
is($node->safe_psql('ledger', q{SELECT count(*) FROM acct.job_state AS j WHERE acct._is_executed(j.pid, j.session_start, j.call_start)}), '0', 'nobody does a job');

is($node->safe_psql('ledger', q{SELECT detail ->> 'status' FROM acct.run_log WHERE detail ->> 'job' = 'retention' ORDER BY log_id DESC LIMIT 1}), 'done',
	'what ran meanwhile is done');

# Where pg_cron cannot connect, no job writes a log.
$node->append_conf('postgresql.conf', q{cron.host = '/nonexistent'});
$node->restart;
as_clerk(qq{SELECT * FROM acct.schedule_jobs('{"rotate": "0 0 1 1 *"}')});
$node->safe_psql('ledger', q{INSERT INTO cron.job_run_details (jobid, runid, status, return_message, start_time, end_time)
	SELECT jobid, nextval('cron.runid_seq'), 'failed', 'connection failed', clock_timestamp(), clock_timestamp() FROM cron.job});
like($node->safe_psql('ledger', q{SELECT detail FROM acct.health('{jobs}')}), qr/failed: rotate at/, 'health() tells of a job that pg_cron could not run');

$node->stop;
$workers->stop;
done_testing();

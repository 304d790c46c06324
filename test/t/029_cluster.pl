# A cluster of three servers, without Citus: this test is the coordinator, over ordinary connections, and commits with PREPARE
# TRANSACTION and COMMIT PREPARED. Nothing or everything is posted, also where a server dies before it prepares, after it, and
# after the decision; the same key posts nothing twice; transactions move from the inbox, or stay; policy that differs is refused; digests and balances add up to those of one
# ledger that has everything.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = 'ledger';
my $rows = 300;
my %node = map { $_ => new_node($_, 'max_prepared_transactions = 10', 'max_connections = 20') } qw(one two three);
my @nodes = qw(one two);

# The third server has the policy that the nodes get, and in the end everything that they have.
make_database($node{three}, $db);
for my $name (@nodes)
{
	$node{$name}->safe_psql('postgres', "CREATE DATABASE $db");
	$node{$name}->safe_psql($db, 'CREATE EXTENSION ledger_engine; SELECT acct.install();');
}

sub value
{
	my ($name, $sql) = @_;
	return $node{$name}->safe_psql($db, $sql);
}

# What a node answers; with a name, it prepares that and leaves the decision to the caller.
my %key = (one => 1, two => 2);
sub ask
{
	my ($name, $request, $prepare) = @_;
	my ($stdout, $stderr);
	my $sql = "SELECT acct._answer($key{$name}, \$request\$$request\$request\$)";
	$sql = "BEGIN; $sql; PREPARE TRANSACTION '$prepare'" if $prepare;
	my $rc = $node{$name}->psql($db, $sql, stdout => \$stdout, stderr => \$stderr);
	return $rc == 0 ? $stdout : $stderr;
}

# The decision, once every node has prepared.
sub decide
{
	my ($id, $decision, @names) = @_;
	value($_, "$decision PREPARED '$id'") for @names;
	return;
}

sub everywhere
{
	my ($request, $id) = @_;
	my @answers = map { ask($_, $request, $id) } @nodes;
	decide($id, 'COMMIT', @nodes);
	return @answers;
}

my $posted = q{SELECT concat_ws(' ', count(*), sum(line_count)) FROM acct.ledger_entry_header};
my $cluster = value('three', 'SELECT ledger_id FROM acct.engine_layout');

# The nodes join, and get policy in one transaction.
ask($nodes[0], qq({"do": "join", "cluster_id": "$cluster", "names": {"1": "one"}}));
ask($nodes[1], qq({"do": "join", "cluster_id": "$cluster", "names": {"2": "two"}}));
everywhere('{"do": "place", "entities": {"MAIN": "one", "SYARIAH": "two"}}', 'place');

# A node without policy does not succeed with exceptions.
my $digest = value('three', 'SELECT acct.policy_digest()');
my $stage = qq({"do": "stage", "txn_month": "2025-01-01", "run_key": "jan", "options": {}, "policy_digest": "$digest"});
like(ask('one', $stage), qr/node one has another policy than its coordinator/, 'a node without policy is refused');
is(value('one', 'SELECT count(*) FROM acct.journal_run'), '0', 'and no run is made');

# A release of two people, and what was there before.
value('three', q{
	CREATE ROLE maker SUPERUSER; CREATE ROLE checker SUPERUSER;
	SET SESSION AUTHORIZATION maker;
	SELECT acct.create_release('Another account') AS id;
	INSERT INTO acct.chart_of_accounts_draft (release_id, operation, account_code, description, account_type) VALUES (1, 'insert', '1999', 'Other', 'ASSET');
	SELECT acct.submit_release(1);
	SET SESSION AUTHORIZATION checker;
	SELECT acct.approve_release(1);});
sub publish
{
	my $policy = value('three', q{SELECT jsonb_build_object('do', 'policy', 'policy', acct._policy_document())});
	return everywhere($policy, 'policy');
}
publish();
$digest = value('three', 'SELECT acct.policy_digest()');
$stage =~ s/"policy_digest": "\w+"/"policy_digest": "$digest"/;
for my $name (@nodes)
{
	is(value($name, 'SELECT acct.policy_digest()'), $digest, "policy of $name is the coordinator's");
	is(value($name, q{SELECT concat_ws(' ', r.maker, r.approver, c.unchanged) FROM acct.policy_release AS r JOIN acct.release_content AS c USING (release_id)}),
		'maker checker t', "and $name has its release, with maker and approver, as it was approved");
	is(value($name, q{SELECT string_agg(status, ' ') FROM acct.health('{approvals,policy}')}), 'ok ok', "$name finds nothing that nobody approved");
}
is(value($_, q{SELECT count(*) FROM acct.ledger_seal AS s WHERE s.kind = 'policy' AND acct._unsealed_audit() @> (SELECT max(a.audit_id) FROM acct.template_audit AS a)}), '0',
	"what $_ took is sealed") for @nodes;
is(value($_, q{SELECT count(*) FROM acct.ledger_seal AS s WHERE s.kind = 'policy'}), '1', "by one seal of $_") for @nodes;
is(value('one', q{SELECT count(*) FROM acct.template_audit}), value('two', q{SELECT count(*) FROM acct.template_audit}), 'the audit trails have as many changes');
my @again = publish();
is($_ =~ /"changes": 0/ ? 1 : 0, 1, 'published again, nothing changes') for @again;

# A change on the coordinator is one on the nodes; one that is made on a node alone is drift.
value('three', q{UPDATE acct.chart_of_accounts SET description = 'Another' WHERE account_code = '1999'; DELETE FROM acct.elimination_pair WHERE pair_code = (SELECT min(pair_code) FROM acct.elimination_pair);});
like($_, qr/"changes": 2/, 'two changes arrive') for publish();
$digest = value('three', 'SELECT acct.policy_digest()');
$stage =~ s/"policy_digest": "\w+"/"policy_digest": "$digest"/;
value('two', q{UPDATE acct.fund SET name = 'Drift' WHERE fund = (SELECT min(fund) FROM acct.fund)});
like(ask('two', $stage), qr/node two has another policy than its coordinator/, 'policy that drifted is refused');
like((publish())[1], qr/"changes": 1/, 'and comes back with the next publication');
value('three', q{INSERT INTO acct.journal_template (template_code, version, basis, effective_from) VALUES ('DRAFT', 1, 'PRIMARY', '2025-01-01')});
like($_, qr/"changes": 0/, 'a draft is not published') for publish();
value('two', q{SELECT acct.create_release('Of its own')});
like(ask('two', value('three', q{SELECT jsonb_build_object('do', 'policy', 'policy', acct._policy_document())})), qr/node two has policy of its own.*release 2 \(Of its own\)/s,
	'a release of a node stands against taking policy');
value('two', q{DELETE FROM acct.policy_release WHERE release_id = 2});

# Each node has the transactions of its entity, and the third server has all of them.
value('three', q{SELECT acct.rotate_txn_source_partitions(0, '2025-01-01')});
load_quietly($node{three}, $db, '2025-01-01', $rows, 7);
value($_, q{SELECT acct.rotate_txn_source_partitions(0, '2025-01-01')}) for @nodes;

# They arrive through the inbox of the coordinator: all of them, or none.
value('three', q{
	SELECT acct._layout_cluster();
	INSERT INTO acct_cluster.member (node_name, node_key) VALUES ('one', 1), ('two', 2);
	INSERT INTO acct_cluster.entity (entity_code, node_name) VALUES ('MAIN', 'one'), ('SYARIAH', 'two');
	INSERT INTO acct_cluster.inbox SELECT (x.r).* FROM (SELECT jsonb_populate_record(NULL::acct_cluster.inbox, to_jsonb(s)) AS r FROM acct.txn_source_parent AS s) AS x});
my $loaded = "$rows waiting, 0 on one, 0 on two";
sub placed
{
	return value('three', 'SELECT count(*) FROM acct_cluster.inbox') . ' waiting, ' . join(', ', map { value($_, 'SELECT count(*) FROM acct.txn_source_parent') . " on $_" } @nodes);
}
# The coordinator's transaction, which ends as the caller decides; nodes have prepared theirs.
sub take_inbox
{
	my $session = $node{three}->background_psql($db);
	$session->query_safe('BEGIN');
	my @requests = split /\n/, $session->query_safe('SELECT acct._take_inbox()');
	is(scalar @requests, 1, 'one request has the rows of all nodes');
	return ($session, $requests[0]);
}
is(placed(), $loaded, 'all rows wait in the inbox');

# A node refuses a row: the other takes back.
my $twice = value('three', q{SELECT min(txn_id) FROM acct_cluster.inbox WHERE entity_code = 'SYARIAH'});
value('two', qq{INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, entity_code, txn_type, product_code, channel, gross_amount) VALUES ($twice, '2025-01-01', '2025-01-01', 'SYARIAH', 'x', 'x', 'x', 0)});
my ($inbox, $request) = take_inbox();
ask('one', $request, 'inbox');
like(ask('two', $request, 'inbox'), qr/node two refuses transaction $twice of 2025-01: duplicate key/, 'a row that a node refuses is named, with the node');
decide('inbox', 'ROLLBACK', 'one');
$inbox->query_safe('ROLLBACK');
$inbox->quit;
value('two', qq{DELETE FROM acct.txn_source_parent WHERE txn_id = $twice});
is(placed(), $loaded, 'and everything is where it was');

# A node dies before it prepares.
($inbox, $request) = take_inbox();
ask('one', $request, 'inbox');
my $dying = $node{two}->background_psql($db);
$dying->query_safe('BEGIN');
$dying->query_safe("SELECT acct._answer(2, \$request\$$request\$request\$)");
$node{two}->stop('immediate');
eval { $dying->quit };
$node{two}->start;
decide('inbox', 'ROLLBACK', 'one');
$inbox->query_safe('ROLLBACK');
$inbox->quit;
is(placed(), $loaded, 'a node that dies before it prepares: nothing is moved');

# The coordinator dies after the nodes have prepared: without its COMMIT they take back.
($inbox, $request) = take_inbox();
ask($_, $request, 'inbox') for @nodes;
$node{three}->stop('immediate');
eval { $inbox->quit };
$node{three}->start;
decide('inbox', 'ROLLBACK', @nodes);
is(placed(), $loaded, 'a coordinator that dies before it commits: nothing is moved');

# A node dies between PREPARE and COMMIT; rows that come meanwhile stay for the next call.
($inbox, $request) = take_inbox();
my $copying = $node{three}->background_psql($db);
$copying->query_safe(q{BEGIN; INSERT INTO acct_cluster.inbox (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount) VALUES (1, '2025-02-01', '2025-02-01', 'x', 'x', 'x', 0)});
ask($_, $request, 'inbox') for @nodes;
$inbox->query_safe('COMMIT');
$inbox->quit;
decide('inbox', 'COMMIT', 'one');
$node{two}->stop('immediate');
$node{two}->start;
decide('inbox', 'COMMIT', 'two');
$copying->query_safe('COMMIT');
$copying->quit;
my %of = map { $_ => value('three', "SELECT count(*) FROM acct.txn_source_parent WHERE entity_code = '" . ($_ eq 'one' ? 'MAIN' : 'SYARIAH') . "'") } @nodes;
is(placed(), "1 waiting, $of{one} on one, $of{two} on two", 'a node that dies before it hears of the decision: everything is moved, once');
my $rows_of = q{SELECT md5(string_agg((to_jsonb(s) - 'batch_id')::text, ' ' ORDER BY s.txn_id)) FROM acct.txn_source_parent AS s};
is(value($_, $rows_of), value('three', "$rows_of WHERE s.entity_code = '" . ($_ eq 'one' ? 'MAIN' : 'SYARIAH') . "'"), "as it was sent to $_") for @nodes;
value('three', 'DELETE FROM acct_cluster.inbox');
value('three', q{SELECT count(*) FROM acct.run_month('2025-01-01', 'jan')});

everywhere($stage, 'stage');
is(value($_, q{SELECT status FROM acct.journal_run WHERE run_key = 'jan'}), 'expanded', "staged on $_") for @nodes;
everywhere('{"do": "validate", "run_key": "jan"}', 'validate');
my $post = '{"do": "post", "run_key": "jan"}';

# With a period closed on one node, nothing is posted on either.
value('two', q{SELECT acct.close_period('2025-01-01', 'SYARIAH', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')});
ask('one', $post, 'jan');
like(ask('two', $post, 'jan'), qr/closed/, 'a closed period refuses');
decide('jan', 'ROLLBACK', 'one');
is(value($_, $posted), '0', "nothing is posted on $_") for @nodes;
value('two', q{SELECT acct.reopen_period('2025-01-01', 'SYARIAH', 'PRIMARY', 'a test')});

# A server dies before it prepares: the other takes back.
ask('one', $post, 'jan');
my $session = $node{two}->background_psql($db);
$session->query_safe("BEGIN");
$session->query_safe("SELECT acct._answer(1, '$post') ->> 'status'");
$node{two}->stop('immediate');
eval { $session->quit };
$node{two}->start;
decide('jan', 'ROLLBACK', 'one');
is(value($_, $posted), '0', "a server that died before it prepared: nothing is posted on $_") for @nodes;

# Both die after they prepared, before the decision: the books wait for it, and nobody sees a part.
# Staging of small runs is unlogged, and made again.
everywhere($stage, 'stage');
ask($_, $post, 'jan') for @nodes;
for my $name (@nodes)
{
	$node{$name}->stop('immediate');
	$node{$name}->start;
	is(value($name, q{SELECT count(*) FROM pg_prepared_xacts}), '1', "a prepared posting of $name outlives a crash and waits for the decision");
	# A posting keeps planners out of months that it makes until it ends: readers wait, or see nothing.
	my ($stdout, $stderr);
	$node{$name}->psql($db, "SET lock_timeout = '100ms'; $posted", stdout => \$stdout, stderr => \$stderr);
	like("$stdout$stderr", qr/^0$|lock timeout/, 'nobody sees it meanwhile');
}
# The decision is made, and a server dies before it hears of it.
decide('jan', 'COMMIT', 'one');
$node{two}->stop('immediate');
$node{two}->start;
decide('jan', 'COMMIT', 'two');
my @counts = map { value($_, $posted) } @nodes;
isnt($counts[$_], '0', "posted on $nodes[$_]") for 0, 1;

# The same key again posts nothing twice.
everywhere($stage, 'stage');
everywhere($post, 'jan');
is(value($nodes[$_], $posted), $counts[$_], "the same key posts nothing twice on $nodes[$_]") for 0, 1;

# It adds up to one ledger that has everything.
my @digests = map { value($_, q{SELECT digest FROM acct.journal_run WHERE run_key = 'jan'}) } @nodes;
is(value('three', "SELECT acct._digest_sum('{$digests[0],$digests[1]}')"), value('three', q{SELECT digest FROM acct.journal_run WHERE run_key = 'jan'}), 'digests add up');
is(value('three', "SELECT acct.run_digest('jan')"), value('three', q{SELECT digest FROM acct.journal_run WHERE run_key = 'jan'}), 'and are those of the entries');
my $funds = value('three', "SELECT jsonb_agg(DISTINCT f) FROM jsonb_array_elements('["
	  . join(', ', map { value($_, q{SELECT acct._answer(1, '{"do": "rows", "report": "statement_funds", "arguments": ["2025-01-01", null, "PRIMARY", "balance_sheet", null, null, null]}')}) } @nodes)
	  . "]') AS a CROSS JOIN LATERAL jsonb_array_elements_text(a) AS f");
for my $report (['trial_balance', '["2025-01-01", null, "PRIMARY", null, null, true]', q{SELECT to_jsonb(r)::text FROM acct.trial_balance('2025-01-01') AS r}],
	['balance_sheet', '["2025-01-01", null, "PRIMARY"]', q{SELECT to_jsonb(r)::text FROM acct.balance_sheet('2025-01-01') AS r}],
	['profit_and_loss', '["2025-01-01", "2025-01-01", null, "PRIMARY"]', q{SELECT to_jsonb(r)::text FROM acct.profit_and_loss('2025-01-01', '2025-01-01') AS r}],
	['fund_statement', '["2025-01-01", null, "PRIMARY", "balance_sheet", null, null, null, FUNDS]', q{SELECT to_jsonb(r)::text FROM acct.fund_statement('2025-01-01') AS r}],
	['trial_balance_at', '["2025-01-15", null, "PRIMARY", null, true]', q{SELECT to_jsonb(r)::text FROM acct.trial_balance_at('2025-01-15') AS r}],
	['movement', '["2025-01-01", null, "PRIMARY", null, true, true]', q{SELECT to_jsonb(r)::text FROM acct.movement('2025-01-01', templates => true) AS r}],
	['account_hierarchy', '["2025-01-01", null, "PRIMARY", null, true]', q{SELECT to_jsonb(r)::text FROM acct.account_hierarchy('2025-01-01') AS r}],
	['exceptions_report', '["2025-01-01", null, null]', q{SELECT to_jsonb(r)::text FROM acct.exceptions_report('2025-01-01') AS r}])
{
	my ($name, $arguments, $sql) = @$report;
	$arguments =~ s/FUNDS/$funds/;
	my @parts = map { split /\n/, value($_, qq{SELECT x::text FROM jsonb_array_elements(acct._answer(1, '{"do": "rows", "report": "$name", "arguments": $arguments}')) AS x}) } @nodes;
	is(join("\n", sort @parts), join("\n", sort split /\n/, value('three', $sql)), "$name of the nodes is that of one ledger");
}
is(value($_, q{SELECT count(*) FROM acct.check_balance_snapshot('2025-01-01')}), '0', "balances of $_ are those of its lines") for @nodes;

is(ask($_, qq({"do": "lost", "run_keys": {"$key{$_}": ["jan", "lost"]}})), '["lost"]', "$_ names runs that it lost") for @nodes;
is(ask($nodes[$_], qq({"do": "lost", "run_keys": {"$key{$nodes[$_]}": [{"run_key": "jan", "digest": "$digests[$_]"}]}})), '[]', "$nodes[$_] has what it posted") for 0, 1;
is(ask($nodes[$_], qq({"do": "lost", "run_keys": {"$key{$nodes[$_]}": [{"run_key": "jan", "digest": "$digests[1 - $_]"}]}})), '["jan"]', "and not what another one did") for 0, 1;

# A node that was restored to a time when it had taken nothing for a key, or where somebody makes a run with it.
value('one', q{SELECT acct.create_run('2025-01-01', 'empty')});
is(ask('one', qq({"do": "lost", "run_keys": {"1": [{"run_key": "empty", "digest": "$digests[0]"}]}})), '["empty"]', 'a run that has taken nothing is not the one that was posted');

# Seals survive too, and a checkpoint of each verifies.
for my $name (@nodes)
{
	my $checkpoint = value($name, q{SELECT acct._answer(1, '{"do": "checkpoint"}') #>> '{}'});
	is(value($name, "SELECT bool_and(passed) FROM acct.verify_checkpoint(E'" . join('\n', split(/\n/, $checkpoint)) . "\\n')"), 't', "the checkpoint of $name verifies");
	is(value($name, 'SELECT bool_and(passed) FROM acct.verify_ledger()'), 't', "and so does the ledger of $name");
}

# A report waits for what the coordinator has committed and a node has prepared; here the coordinator answers for its nodes.
value('three', q{
	INSERT INTO acct_cluster.node (node_key) VALUES (1), (2);
	INSERT INTO acct_cluster.run (run_key, txn_month, options, status, posted_at) VALUES ('feb', '2025-02-01', '{}', 'posted', clock_timestamp());
	BEGIN; SELECT 1; PREPARE TRANSACTION 'waits';});
my ($found, $errors);
$node{three}->psql($db, q{SELECT * FROM acct.cluster_trial_balance('2025-02-01')}, stdout => \$found, stderr => \$errors);
like("$found$errors", qr/^psql:.*runs of the cluster are committed, and not yet on all nodes: "feb" on one, "feb" on two/s, 'a report waits for a prepared posting, then fails');
value('three', q{ROLLBACK PREPARED 'waits'});
$node{three}->psql($db, q{SELECT count(*) > 0 FROM acct.cluster_trial_balance('2025-02-01')}, stdout => \$found, stderr => \$errors);
is($found, 't', 'without it, nodes were restored, and the report is made');
like($errors, qr/missing in the books of nodes: "feb" on one, "feb" on two/, 'with a warning');

$_->stop for values %node;
done_testing();

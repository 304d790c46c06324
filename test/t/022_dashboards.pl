# The dashboards for Grafana: each query of each panel and variable runs with the rights of a reader, as Grafana sends it, on the
# primary and on a standby, and returns the columns that the panel formats.  The questions for Metabase likewise.
use strict;
use warnings FATAL => 'all';

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $integrations = "$FindBin::RealBin/../../integrations";
my @files = map { "$integrations/grafana/ledger_$_.json" } qw(operations balances);
my %variables = (month => '2025-01-01', from_month => '2024-02-01', entity => 'MAIN', basis => 'PRIMARY', currency => 'IDR', account => '1110', fund => 'OPERATOR');
my $node = new_node('main', { allows_streaming => 1 });
my $standby = PostgreSQL::Test::Cluster->new('standby');

for my $db ('empty', 'ledger')
{
	make_database($node, $db);
	$node->safe_psql($db, 'SELECT * FROM acct.install_roles()');
}
$node->safe_psql(
	'ledger', q{
	CREATE ROLE grafana LOGIN IN ROLE acct_auditor;
	ALTER ROLE grafana SET default_transaction_read_only = on;});

# Something of everything: runs posted, one begun, exceptions, a job done, a load that waits
for my $month ('2025-01-01', '2025-02-01')
{
	load_quietly($node, 'ledger', $month, 3000, 42 + substr $month, 6, 1);
	$node->safe_psql('ledger', "SELECT * FROM acct.run_month('$month', 'posted $month')");
}
load_quietly($node, 'ledger', '2025-01-01', 2000, 45);
$node->safe_psql('ledger', q{SELECT acct.create_run('2025-01-01', 'created')});
$node->safe_psql('ledger', q{CALL acct.run_job('snapshot')});
load_quietly($node, 'ledger', '2025-01-01', 1000, 46);
$node->safe_psql('ledger', q{SELECT acct.close_period('2025-01-01', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')});

$variables{policy_no} = $node->safe_psql('ledger', q{SELECT policy_no FROM acct.ledger_entry_header WHERE je_date >= '2025-01-01' AND policy_no <> '' LIMIT 1});
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# A query as Grafana sends it: its macros and variables replaced
sub as_sent
{
	my ($sql) = @_;

	$sql =~ s/\$__timeFilter\(([^()]*(?:\([^()]*\))?[^()]*)\)/$1 BETWEEN '2020-01-01T00:00:00Z' AND '2099-01-01T00:00:00Z'/g;
	$sql =~ s/\$__timeGroupAlias\((\w+), \$__interval\)/floor(extract(epoch FROM $1) \/ 3600) * 3600 AS "time"/g;
	$sql =~ s/\$\{(\w+):sqlstring\}/exists $variables{$1} ? "'$variables{$1}'" : die "no variable $1"/ge;
	die "unknown macro in: $sql" if $sql =~ /\$/;
	return $sql;
}

# A question as Metabase sends it: with all variables, or without those that may be empty
sub as_asked
{
	my ($sql, $with) = @_;

	$sql =~ s/\[\[(.*?)\]\]/$with ? $1 : ''/ge;
	$sql =~ s/\{\{(\w+)\}\}/exists $variables{$1} ? "'$variables{$1}'" : die "no variable $1"/ge;
	return $sql;
}

# Types of a query's columns by name, and its rows, or dies.
sub result_of
{
	my ($db, $sql, $on) = (@_, $node);
	my @options = (extra_params => [ '-U', 'grafana', '-F', "\t" ]);
	my @columns = map { [ split /\t/ ] } split /\n/, $on->safe_psql($db, "$sql\n\\gdesc", @options);
	my @rows = map { my @values = split /\t/, $_, -1; +{ map { $columns[$_][0] => $values[$_] } 0 .. $#columns } }
	  split /\n/, $on->safe_psql($db, $sql, @options);

	return ({ map { @$_ } @columns }, \@rows);
}

my %rows; # of the ledger, by panel

for my $file (@files)
{
	my $board = decode_json(slurp_file($file));
	my ($name) = $file =~ m{([^/]+)$};
	my (%ids, %titles, @taken);
	my %known = map { $_->{name} => 1 } @{ $board->{templating}{list} };

	like($board->{uid}, qr/^ledger-engine-[a-z]+$/, "$name: an identifier that stays");
	ok($board->{title} && $board->{description}, "$name: what it is");
	for my $variable (grep { $_->{type} eq 'query' } @{ $board->{templating}{list} })
	{
		my ($types, $rows) = result_of('ledger', as_sent($variable->{query}));
		my $value = exists $types->{__value} ? '__value' : (keys %$types)[0];

		ok((grep { $_->{$value} eq $variables{ $variable->{name} } } @$rows), "$name: variable $variable->{name} has the value");
		result_of('empty', as_sent($variable->{query}));
	}
	for my $panel (@{ $board->{panels} })
	{
		my $what = "$name: $panel->{title}";
		my $place = $panel->{gridPos};
		my @faults;

		push @faults, 'its id is taken' if $ids{ $panel->{id} }++ || $titles{ $panel->{title} }++;
		push @faults, 'no description' if ($panel->{description} // '') !~ /\w.*\.$/;
		push @faults, 'it is wider than the board' if $place->{x} + $place->{w} > 24;
		for my $x ($place->{x} .. $place->{x} + $place->{w} - 1)
		{
			push @faults, 'it lies on another one' if grep { $taken[$_][$x]++ } $place->{y} .. $place->{y} + $place->{h} - 1;
		}
		push @faults, 'one query' if @{ $panel->{targets} } != 1;
		my ($target) = @{ $panel->{targets} };
		push @faults, 'another source' if grep { $_->{uid} ne '${datasource}' } $panel->{datasource}, $target->{datasource};
		push @faults, "variable $_" for grep { !$known{$_} } $target->{rawSql} =~ /\$\{(\w+)/g;
		my $sql = as_sent($target->{rawSql});
		my ($types, $rows) = result_of('ledger', $sql);
		if ($target->{format} eq 'time_series')
		{
			push @faults, "time is $types->{time}" if $types->{time} !~ /^(?:timestamp with time zone|numeric)$/;
			push @faults, "$_ is $types->{$_}" for grep { !/^(?:time|metric)$/ && $types->{$_} !~ /^(?:bigint|numeric|double precision)$/ } keys %$types;
		}
		push @faults, 'one value' if $panel->{type} eq 'stat' && (@$rows != 1 || keys %$types != 1);
		push @faults, "no column $_" for grep { !exists $types->{$_} } map { $_->{matcher}{options} } @{ $panel->{fieldConfig}{overrides} };
		push @faults, 'no row' if !@$rows && $panel->{title} ne 'At work now';
		is(join(', ', @faults), '', $what);
		result_of('empty', $sql);
		result_of('ledger', $sql, $standby);
		$rows{ $panel->{title} } = $rows;
	}
}

# The numbers are right.
sub ledger { return $node->safe_psql('ledger', $_[0]); }

sub number { return join ' ', map { my ($value) = values %$_; $value } @{ $rows{ $_[0] } }; }

is(number('Runs not done'), '1', 'runs that are not done');
is(number('Exceptions open'), ledger('SELECT count(*) FROM acct.je_exception'), 'exceptions');
is(number('Transactions waiting'), '1000', 'transactions that wait');
is(number('Lines posted'), ledger('SELECT count(*) FROM acct.ledger_entry_line'), 'lines');
cmp_ok(abs(number('Last posting') / 1000 - time), '<', 300, 'when the last run was posted');
is(number('Checks that are not ok'), scalar(grep { $_->{status} ne 'ok' } @{ $rows{Health} }), 'checks, counted and listed');
is(join(' ', sort map { $_->{check_name} } @{ $rows{Health} }),
	ledger(q{SELECT string_agg(check_name, ' ' ORDER BY check_name COLLATE "C") FROM acct.health() WHERE check_name NOT IN ('snapshot', 'source_rows')}),
	'every quick check');
is(join(' ', map { "$_->{run_key}=$_->{status}" } @{ $rows{Runs} }), 'created=created posted 2025-02-01=posted posted 2025-01-01=posted', 'runs');
is($rows{Jobs}[0]{job} . ' ' . $rows{Jobs}[0]{status}, 'snapshot done', 'jobs');
is(number('Debit less credit'), '0.0000', 'debit is credit');
is(number('Posted in the month'), ledger(q{SELECT sum(debit) FROM acct.ledger_entry_line WHERE currency = 'IDR' AND entity_code = 'MAIN'
	AND basis = 'PRIMARY' AND je_date BETWEEN '2025-01-01' AND '2025-01-31'}), 'posted in the month');
is(number('Period'), 'closed', 'the period');
is(join(' ', map { $_->{difference} } @{ $rows{Funds} }), join(' ', ('0.0000') x 4), 'each fund balances');
is(
	join(' ', map { "$_->{fund}=" . ($_->{assets} // '') } @{ $rows{Funds} }),
	ledger(q{SELECT string_agg(x.fund || '=' || x.assets, ' ' ORDER BY x.fund) FROM (
		SELECT l.fund, sum(l.debit - l.credit) AS assets FROM acct.ledger_entry_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
		 WHERE a.account_type = 'ASSET' AND l.currency = 'IDR' AND l.entity_code = 'MAIN' AND l.basis = 'PRIMARY' AND l.je_date < '2025-02-01' GROUP BY l.fund) AS x}),
	'assets of each fund');
is(
	join(' ', map { $_->{debit} . ' ' . $_->{credit} } $rows{'Largest entries of the account'}[0]),
	ledger(q{SELECT debit, credit FROM acct.ledger_entry_line WHERE account_code = '1110' AND currency = 'IDR' AND entity_code = 'MAIN' AND basis = 'PRIMARY'
		AND je_date BETWEEN '2025-01-01' AND '2025-01-31' ORDER BY greatest(debit, credit) DESC LIMIT 1}) =~ s/\|/ /r,
	'the largest entry');

# Questions: with fewer conditions there is as much or more.
my %answers;
for my $file (glob "$integrations/metabase/questions/*.sql")
{
	my $sql = slurp_file($file);
	my ($name) = $file =~ m{([^/]+)\.sql$};
	my (undef, $some) = result_of('ledger', as_asked($sql, 1));
	my (undef, $all) = result_of('ledger', as_asked($sql, 0));

	like($sql, qr/^-- \w.*\.$/m, "$name: what it is");
	cmp_ok(scalar @$some, '>', 0, "$name: there is an answer");
	cmp_ok(scalar @$all, '>=', scalar @$some, "$name: and one without what may be empty");
	result_of($_->[0], as_asked($sql, 1), $_->[1]) for [ 'empty', $node ], [ 'ledger', $standby ];
	$answers{$name} = $all;
	like(slurp_file("$integrations/metabase/README.md"), qr{^\| `questions/$name\.sql`}m, "$name: it is described");
}

sub total
{
	my ($question, $column) = @_;
	my $sum = ledger('SELECT trim_scale(coalesce(sum(x), 0)) FROM unnest(ARRAY[' . join(', ', map { $_->{$column} || 0 } @{ $answers{$question} }) . ']::numeric[]) AS x');

	return $sum;
}

my $january = q{entity_code = 'MAIN' AND basis = 'PRIMARY' AND je_date BETWEEN '2025-01-01' AND '2025-01-31'};
is(total('trial_balance', 'period_debit'), ledger("SELECT trim_scale(sum(debit)) FROM acct.ledger_entry_line WHERE $january"), 'the trial balance');
is(
	total('fund_statement', 'amount'),
	ledger(q{SELECT trim_scale(sum(credit - debit)) FROM acct.ledger_entry_line JOIN acct.chart_of_accounts USING (account_code)
		WHERE account_type IN ('INCOME', 'EXPENSE') AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND je_date < '2025-02-01'}),
	'the statement of funds');
is(total('product_and_channel', 'debit'), ledger("SELECT trim_scale(sum(debit)) FROM acct.ledger_entry_line WHERE account_code = '1110' AND $january"),
	'products and channels');
is(total('entries_of_policy', 'debit'), total('entries_of_policy', 'credit'), 'the entries of a policy are whole');
is(total('exceptions', 'exceptions_open'), number('Exceptions open'), 'exceptions');
is(total('runs', 'lines'), ledger('SELECT count(*) FROM acct.ledger_entry_line'), 'runs');

$standby->stop;
$node->stop;
done_testing();

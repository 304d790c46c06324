# The dashboards for Grafana: each query of each panel and variable runs with the rights of a reader, as Grafana sends it, with
# choices and with All, without entries, on the primary and on a standby, and returns the columns that the panel formats.  Links
# lead to dashboards and variables that there are.  The questions for Metabase likewise.
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
my @files = map { "$integrations/grafana/ledger_$_.json" } qw(operations balances journal);
my %variables = (month => '2025-01-01', from_month => '2024-02-01', entity => 'MAIN', basis => 'PRIMARY', currency => 'IDR', account => '1110', fund => 'OPERATOR');
my %nothing = map { $_ => '' } keys %variables, qw(journal reason); # what Grafana has for variables without a value
my $node = new_node('main', { allows_streaming => 1 });
my $standby = PostgreSQL::Test::Cluster->new('standby');

for my $db ('empty', 'ledger')
{
	make_database($node, $db);
	$node->safe_psql($db, 'SELECT * FROM acct.install_roles()');
}
$node->safe_psql(
	'ledger', q{
	CREATE ROLE grafana LOGIN IN ROLE acct_bi_reader;
	ALTER ROLE grafana SET default_transaction_read_only = on;
	ALTER ROLE grafana SET enable_partitionwise_join = on;});

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
$variables{journal} = $node->safe_psql('ledger', q{SELECT je_id FROM acct.ledger_entry_header WHERE je_date >= '2025-01-01' AND policy_no <> '' ORDER BY je_id LIMIT 1});
$variables{reason} = $node->safe_psql('ledger', q{SELECT min(reason) FROM acct.exception_summary WHERE txn_month = '2025-01-01' AND exceptions_open > 0});
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# A query as Grafana sends it: its macros and variables replaced.  A variable of which all values are chosen is replaced by its allValue, as it stands.
sub as_sent
{
	my ($sql, $values, $all) = @_;

	$sql =~ s/\$__timeFilter\(([^()]*(?:\([^()]*\))?[^()]*)\)/$1 BETWEEN '2020-01-01T00:00:00Z' AND '2099-01-01T00:00:00Z'/g;
	$sql =~ s/\$__timeGroupAlias\((\w+), \$__interval\)/floor(extract(epoch FROM $1) \/ 3600) * 3600 AS "time"/g;
	$sql =~ s/\$\{(\w+):sqlstring\}/exists $all->{$1} ? $all->{$1} : exists $values->{$1} ? "'$values->{$1}'" : die "no variable $1"/ge;
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

my (%rows, %of_all); # of the ledger, by dashboard and panel: what is chosen, and all months, bases, funds and reasons

# By the identifier of their dashboard: its variables
my %boards;
for my $file (@files)
{
	my $board = decode_json(slurp_file($file));

	$boards{ $board->{uid} } = { map { $_->{name} => $_ } @{ $board->{templating}{list} } };
}

# What is wrong with the links of a panel's field: they lead nowhere, or take along what there is not.
sub faults_of_links
{
	my ($links, $known, $types) = @_;
	my @faults;

	for my $url (map { $_->{url} } @$links)
	{
		my ($uid) = $url =~ m{^/d/([a-z-]+)\?};
		my $there = $boards{ $uid // '' };

		if (!$there) { push @faults, "no dashboard: $url"; next; }
		push @faults, "no variable $_ of $uid" for grep { !$there->{$_} } $url =~ /\bvar-(\w+)=/g, $url =~ /\$\{(\w+):queryparam\}/g;
		push @faults, "no variable $_ here" for grep { !$known->{$_} } $url =~ /\$\{(\w+):queryparam\}/g;
		push @faults, "no column $_" for grep { !exists $types->{$_} } $url =~ /\$\{__data\.fields\.(\w+)\}/g;
		(my $rest = $url) =~ s/\$\{(?:\w+:queryparam|__data\.fields\.\w+|__url_time_range)\}//g;
		push @faults, "what is $rest" if $rest =~ /\$/;
	}
	return @faults;
}

for my $file (@files)
{
	my $board = decode_json(slurp_file($file));
	my ($name) = $file =~ m{([^/]+)$};
	my (%ids, %titles, @taken);
	my %known = %{ $boards{ $board->{uid} } };
	my %all = map { $_->{name} => $_->{allValue} } grep { $_->{includeAll} } values %known;

	like($board->{uid}, qr/^ledger-engine-[a-z]+$/, "$name: an identifier that stays");
	ok($board->{title} && $board->{description}, "$name: what it is");
	is(join(' ', grep { !$known{$_} } $name =~ /balances/ ? qw(entity basis month fund) : $name =~ /operations/ ? qw(basis month) : 'journal'), '', "$name: what may be chosen");
	for my $variable (grep { $_->{type} eq 'query' } @{ $board->{templating}{list} })
	{
		my ($types, $rows) = result_of('ledger', as_sent($variable->{query}, \%variables, {}));
		my $value = exists $types->{__value} ? '__value' : (keys %$types)[0];

		ok((grep { $_->{$value} eq $variables{ $variable->{name} } } @$rows), "$name: variable $variable->{name} has the value");
		result_of('empty', as_sent($variable->{query}, \%nothing, \%all));
	}
	for my $panel (@{ $board->{panels} })
	{
		my $what = "$name: $panel->{title}";
		my $place = $panel->{gridPos};
		my @faults;

		push @faults, 'its id is taken' if $ids{ $panel->{id} }++ || $titles{ $panel->{title} }++;
		push @faults, 'no description' if ($panel->{description} // '') !~ /\w.*\.$/;
		push @faults, 'it says nothing where there is nothing' if ($panel->{fieldConfig}{defaults}{noValue} // '') !~ /\w/;
		push @faults, 'it is wider than the board' if $place->{x} + $place->{w} > 24;
		for my $x ($place->{x} .. $place->{x} + $place->{w} - 1)
		{
			push @faults, 'it lies on another one' if grep { $taken[$_][$x]++ } $place->{y} .. $place->{y} + $place->{h} - 1;
		}
		push @faults, 'one query' if @{ $panel->{targets} } != 1;
		my ($target) = @{ $panel->{targets} };
		push @faults, 'another source' if grep { $_->{uid} ne '${datasource}' } $panel->{datasource}, $target->{datasource};
		push @faults, "variable $_" for grep { !$known{$_} } $target->{rawSql} =~ /\$\{(\w+)/g;
		push @faults, 'it reads tables' if $target->{rawSql} =~ /\bacct\./;
		my $sql = as_sent($target->{rawSql}, \%variables, {});
		my ($types, $rows) = result_of('ledger', $sql);
		if ($target->{format} eq 'time_series')
		{
			push @faults, "time is $types->{time}" if $types->{time} !~ /^(?:timestamp with time zone|numeric)$/;
			push @faults, "$_ is $types->{$_}" for grep { !/^(?:time|metric)$/ && $types->{$_} !~ /^(?:bigint|numeric|double precision)$/ } keys %$types;
		}
		push @faults, 'one value' if $panel->{type} eq 'stat' && (@$rows != 1 || keys %$types != 1);
		my %overrides = map { $_->{matcher}{options} => { map { $_->{id} => $_->{value} } @{ $_->{properties} } } }
		  grep { $_->{matcher}{id} eq 'byName' } @{ $panel->{fieldConfig}{overrides} };
		# What is made a column for each value has these as its names.
		my @pivot = map { @{ $_->{options} }{qw(columnField rowField valueField)} } @{ $panel->{transformations} // [] };
		push @faults, "no column $_ to transform" for grep { !exists $types->{$_} } @pivot;
		push @faults, "no column $_" for grep { !exists $types->{$_} } sort keys %overrides;
		push @faults, "no plain name of $_" for grep { $panel->{type} eq 'table' && !@pivot && !$overrides{$_}{displayName} } sort keys %$types;
		push @faults, "no unit of $_" for grep { $panel->{type} eq 'table' && !@pivot && $types->{$_} =~ /^(?:numeric|double precision|date|timestamp.*)$/ && !$overrides{$_}{unit} && !/^(?:observed|threshold)$/ } sort keys %$types;
		push @faults, faults_of_links($_->{links} // [], \%known, $types) for $panel->{fieldConfig}{defaults}, values %overrides;
		push @faults, 'no row' if !@$rows && $panel->{title} ne 'At work now';
		is(join(', ', @faults), '', $what);
		my (undef, $of_all) = result_of('ledger', as_sent($target->{rawSql}, \%variables, \%all));
		cmp_ok(scalar @$of_all, '>=', scalar @$rows, "$what: all") if %all;
		result_of('empty', as_sent($target->{rawSql}, \%nothing, \%all));
		result_of('ledger', $sql, $standby);
		my $key = $what =~ s/^ledger_(\w+)\.json/$1/r;
		$rows{$key} = $rows;
		$of_all{$key} = $of_all;
	}
}

# The numbers are right.
sub ledger { return $node->safe_psql('ledger', $_[0]); }

sub first_value { my ($rows) = @_; return join ' ', map { my ($value) = values %$_; $value } @$rows; }

sub number { return first_value($rows{ $_[0] }); }

sub number_of_all { return first_value($of_all{ $_[0] }); }

my $exceptions = 'SELECT count(*) FROM acct.je_exception';
my $january = q{entity_code = 'MAIN' AND basis = 'PRIMARY' AND je_date BETWEEN '2025-01-01' AND '2025-01-31'};
my $account = qq{account_code = '1110' AND currency = 'IDR' AND fund = 'OPERATOR' AND $january};

is(number_of_all('operations: Runs not done'), '1', 'runs that are not done');
is(number_of_all('operations: Exceptions open'), ledger($exceptions), 'exceptions');
is(number('operations: Exceptions open'), ledger("$exceptions WHERE txn_month = '2025-01-01'"), 'exceptions of January');
is(number_of_all('operations: Transactions waiting'), '1000', 'transactions that wait');
is(number('operations: Lines posted'), ledger('SELECT count(*) FROM acct.ledger_entry_line'), 'lines');
cmp_ok(abs(number('operations: Last posting') / 1000 - time), '<', 300, 'when the last run was posted');
for my $status ([ 'Critical checks', 'critical' ], [ 'Warnings', 'warning' ])
{
	is(number("operations: $status->[0]"), scalar(grep { $_->{status} eq $status->[1] } @{ $rows{'operations: Health'} }), "$status->[0], counted and listed");
}
is(join(' ', sort map { $_->{check_name} } @{ $rows{'operations: Health'} }),
	ledger(q{SELECT string_agg(check_name, ' ' ORDER BY check_name COLLATE "C") FROM acct.health() WHERE check_name NOT IN ('snapshot', 'source_rows')}),
	'every quick check');
is(join(' ', map { "$_->{run_key}=$_->{status}" } @{ $of_all{'operations: Runs'} }), 'created=created posted 2025-02-01=posted posted 2025-01-01=posted', 'runs');
is(join(' ', map { "$_->{run_key}=$_->{status}" } @{ $rows{'operations: Runs'} }), 'created=created posted 2025-01-01=posted', 'runs of January');
is(scalar @{ $of_all{'operations: Transactions with exceptions'} }, ledger($exceptions), 'each exception is listed');
is(join(' ', map { $_->{transactions} } @{ $rows{'operations: Loads that wait'} }), '1000', 'the load that waits');
is($rows{'operations: Jobs'}[0]{job} . ' ' . $rows{'operations: Jobs'}[0]{status}, 'snapshot done', 'jobs');
is(number('balances: Debit less credit'), '0.0000', 'debit is credit');
is(number_of_all('balances: Posted in the month'), ledger("SELECT sum(debit) FROM acct.ledger_entry_line WHERE currency = 'IDR' AND $january"), 'posted in the month');
is(number('balances: Posted in the month'), ledger("SELECT sum(debit) FROM acct.ledger_entry_line WHERE currency = 'IDR' AND fund = 'OPERATOR' AND $january"), 'of a fund');
is(number('balances: Month'), 'closed', 'the month');
is(number('balances: Exceptions open') . ' ' . number('balances: Transactions waiting') . ' ' . number('balances: Runs not posted'),
	ledger("$exceptions WHERE txn_month = '2025-01-01' AND basis = 'PRIMARY'") . ' 1000 1', 'what stands against closing the month');
is(join(' ', map { $_->{difference} } @{ $of_all{'balances: Funds'} }), join(' ', ('0.0000') x 4), 'each fund balances');
is(
	join(' ', map { "$_->{fund}=" . ($_->{assets} // '') } @{ $of_all{'balances: Funds'} }),
	ledger(q{SELECT string_agg(x.fund || '=' || x.assets, ' ' ORDER BY x.fund) FROM (
		SELECT l.fund, sum(l.debit - l.credit) AS assets FROM acct.ledger_entry_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
		 WHERE a.account_type = 'ASSET' AND l.currency = 'IDR' AND l.entity_code = 'MAIN' AND l.basis = 'PRIMARY' AND l.je_date < '2025-02-01' GROUP BY l.fund) AS x}),
	'assets of each fund');
is(join(' ', map { $_->{fund} } @{ $rows{'balances: Funds'} }), 'OPERATOR', 'the fund that is chosen');
# Statements: what the functions return, and the balance sheet of the page is the total of the one by fund.
is(join(' ', map { "$_->{label}=$_->{amount}" } grep { $_->{label} eq 'Result of all funds' } @{ $rows{'balances: Profit and loss'} }),
	'Result of all funds=' . ledger(q{SELECT sum(l.credit - l.debit) FROM acct.ledger_entry_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
		WHERE a.account_type IN ('INCOME', 'EXPENSE') AND l.currency = 'IDR' AND } . $january), 'the result of the month');
is(join(' ', map { $_->{row_kind} =~ /heading|accounts|subtotal/ ? () : $_->{label} } map { @{ $rows{"balances: $_"} } } 'Profit and loss', 'Balance sheet'), '', 'the layouts take every account');
is(join(' ', map { $_->{amount} } grep { $_->{column_label} eq 'Total' } @{ $rows{'balances: Balance sheet by fund'} }), join(' ', map { $_->{amount} } @{ $rows{'balances: Balance sheet'} }),
	'the balance sheet by fund adds up to the balance sheet');
# From a balance to what it is made of, each way
my $sums = ledger("SELECT sum(debit) || ' ' || sum(credit) FROM acct.ledger_entry_line WHERE $account");
is(join(' ', map { "$_->{period_debit} $_->{period_credit}" } grep { $_->{account_code} eq '1110' } @{ $rows{'balances: Trial balance'} }), $sums, 'an account in the trial balance');
is(ledger("SELECT sum(x.d) || ' ' || sum(x.c) FROM (VALUES " . join(', ', map { "($_->{debit}, $_->{credit})" } @{ $rows{$_} }) . ') AS x (d, c)'), $sums, $_)
  for 'balances: Runs behind the account', 'balances: By product and channel';
is(
	join(' ', map { $_->{debit} . ' ' . $_->{credit} } $rows{'balances: Largest entries of the account'}[0]),
	ledger("SELECT debit, credit FROM acct.ledger_entry_line WHERE $account ORDER BY greatest(debit, credit) DESC LIMIT 1") =~ s/\|/ /r,
	'the largest entry');
# From an entry to its transaction and its rule
my ($journal) = @{ $rows{'journal: Journal'} };
is($journal->{total_debit}, ledger("SELECT sum(debit) FROM acct.ledger_entry_line WHERE je_id = $variables{journal}"), 'a journal');
is(scalar @{ $rows{'journal: Lines'} }, ledger("SELECT count(*) FROM acct.ledger_entry_line WHERE je_id = $variables{journal}"), 'its lines');
is(join(' ', map { "$_->{txn_id} $_->{policy_no} $_->{gross_amount}" } @{ $rows{'journal: Transaction'} }),
	ledger("SELECT x.txn_id, x.policy_no, x.gross_amount FROM acct.txn_source_parent AS x JOIN acct.ledger_entry_header AS h USING (txn_id, txn_month) WHERE h.je_id = $variables{journal}") =~ s/\|/ /gr,
	'its transaction');
is(join(' ', map { "$_->{template_code} $_->{version}" } @{ $rows{'journal: Rule'} }),
	ledger("SELECT template_code, template_version FROM acct.ledger_entry_header WHERE je_id = $variables{journal}") =~ s/\|/ /r, 'its rule');
cmp_ok(scalar @{ $rows{'journal: Lines of the rule'} }, '>=', scalar @{ $rows{'journal: Lines'} }, 'the rule has a line for each of its lines');

# Provisioning: Grafana finds the data source and the dashboards, whose variables of the environment the README sets.
my $readme = slurp_file("$integrations/grafana/README.md");
for my $file (glob "$integrations/grafana/provisioning/*/*.yml")
{
	my $yaml = slurp_file($file);

	like($yaml, qr/^apiVersion: 1$/m, "$file: version");
	is(join(' ', grep { $readme !~ /\b$_=/ } $yaml =~ /\$(\w+)/g), '', "$file: the README sets its variables");
	unlike($yaml, qr/\t/, "$file: no tab");
}
is(join(' ', grep { index(slurp_file("$integrations/grafana/provisioning/datasources/ledger.yml"), "type: $_\n") < 0 } map { $_->{datasource}{query} } values %boards), '',
	'the data source is of the type that dashboards ask for');

# Questions: with fewer conditions there is as much or more.
my %answers;
for my $file (glob "$integrations/metabase/questions/*.sql")
{
	my $sql = slurp_file($file);
	my ($name) = $file =~ m{([^/]+)\.sql$};
	my (undef, $some) = result_of('ledger', as_asked($sql, 1));
	unlike($sql, qr/\bacct\./, "$name: it reads views");
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

is(total('trial_balance', 'period_debit'), ledger("SELECT trim_scale(sum(debit)) FROM acct.ledger_entry_line WHERE $january"), 'the trial balance');
is(
	total('fund_statement', 'amount'),
	ledger(q{SELECT trim_scale(sum(credit - debit)) FROM acct.ledger_entry_line JOIN acct.chart_of_accounts USING (account_code)
		WHERE account_type IN ('INCOME', 'EXPENSE') AND entity_code = 'MAIN' AND basis = 'PRIMARY' AND je_date < '2025-02-01'}),
	'the statement of funds');
is(total('product_and_channel', 'debit'), ledger("SELECT trim_scale(sum(debit)) FROM acct.ledger_entry_line WHERE account_code = '1110' AND $january"),
	'products and channels');
is(total('entries_of_policy', 'debit'), total('entries_of_policy', 'credit'), 'the entries of a policy are whole');
is(total('exceptions', 'exceptions_open'), number_of_all('operations: Exceptions open'), 'exceptions');
is(total('journal', 'debit'), ledger("SELECT trim_scale($journal->{total_debit}::numeric)"), 'a journal');
is(total('months', 'lines'), ledger('SELECT count(*) FROM acct.ledger_entry_line'), 'months');
is(total('runs', 'lines'), ledger('SELECT count(*) FROM acct.ledger_entry_line'), 'runs');

$standby->stop;
$node->stop;
done_testing();

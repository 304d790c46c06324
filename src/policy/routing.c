/*
 * routing.c
 *		Works out and keeps routes (see routing.h).
 *
 * Match rules are in a hash table by the codes that they name; a transaction
 * fits those found under its codes with each of the eight combinations of
 * "named" and "any". So the cost of a new route grows with the rules that fit,
 * not with all rules. Routes are kept up to what a hash table may have; past that they are all
 * forgotten and worked out anew, so that memory is bounded whatever the data.
 */
#include "policy/routing.h"

#include "common/code_check.h"
#include "common/month.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Some four thousand routes of eight lines, where work_mem does not allow for more; a run with more works some out again. */
#define MIN_ROUTE_MEMORY (16 * 1024 * 1024)
#define ROUTE_BLOCK_SIZE (256 * 1024)
#define MATCH_CODES      3

/* Those that a date has room for. */
#define FIRST_YEAR_OF_DATES (-4711)
#define LAST_YEAR_OF_DATES  5874896

const char *const route_columns[CODE_KEY_MAX] = {"entity_code", "txn_type", "product_code",
												 "channel", "currency"};

/* Rules that name the same codes. */
typedef struct MatchEntry
{
	CodeKey key; /* the codes named; number is Match.named */
	int nmatches;
	int capacity;
	Match **matches;
} MatchEntry;

typedef struct Currency
{
	CodeKey key;
	int minor_units;
} Currency;

struct Routing
{
	MemoryContext context;
	TemplateSet *templates;
	AccountBook *accounts;
	EntityBook *entities;
	PeriodBook *periods;
	TotalSet *totals;
	CodeMap matches;
	CodeMap currencies;

	/* What acct.posting_limit allows of a journal date. */
	DateADT txn_month;
	int months_apart;
	int first_year;
	int last_year;

	/* Journals whose month is closed are moved to the next open one, up to this. */
	bool moves_late;
	DateADT last_late_month;

	/* Days from first_day on; what epoch each is in. */
	DateADT first_day;
	int ndays;
	int16 *epoch_of_day;
	DateADT first_accepted; /* of those days */
	DateADT last_accepted;

	MemoryContext route_context;
	uint64 forgotten; /* how often they were */
	Size max_route_memory;
	CodeMap routes;
};

/* Marks a day on which an epoch begins. */
static void
mark_day(DateADT date, void *arg)
{
	Routing *routing = arg;

	if (date >= routing->first_day && date < routing->first_day + routing->ndays)
		routing->epoch_of_day[date - routing->first_day] = 1;
}

static void
make_epochs(Routing *routing)
{
	int months = routing->months_apart;
	DateADT last_day;
	int16 epoch = -1;

	/* The month itself is always among them, to its last day. */
	routing->first_day = month_after(routing->txn_month, -months);
	last_day = month_after(routing->txn_month, Max(months, 1));
	if (months == 0)
		last_day--;
	routing->ndays = last_day - routing->first_day + 1;
	routing->epoch_of_day = palloc0_array(int16, routing->ndays);

	routing->first_accepted =
		Max(routing->first_day, date2j(routing->first_year, 1, 1) - POSTGRES_EPOCH_JDATE);
	routing->last_accepted =
		Min(last_day, date2j(routing->last_year, 12, 31) - POSTGRES_EPOCH_JDATE);

	for (int month = -months; month <= months; month++)
		mark_day(month_after(routing->txn_month, month), routing);
	for (int i = 0; i < routing->templates->ntemplates; i++)
	{
		mark_day(routing->templates->templates[i].effective_from, routing);
		mark_day(routing->templates->templates[i].effective_to, routing);
	}
	account_dates(routing->accounts, mark_day, routing);

	for (int i = 0; i < routing->ndays; i++)
	{
		epoch += routing->epoch_of_day[i];
		Assert(epoch >= 0 && epoch <= i);
		routing->epoch_of_day[i] = epoch;
	}
}

static void
add_currency(TupleTableSlot *slot, void *arg)
{
	Routing *routing = arg;
	CodeKey key = {0, 1, {query_code(slot, 0)}};
	bool found;
	Currency *currency = code_map_enter(&routing->currencies, &key, &found);

	currency->minor_units = DatumGetInt16(query_value(slot, 1, 0));
}

static void
take_limit(TupleTableSlot *slot, void *arg)
{
	Routing *routing = arg;

	routing->months_apart = DatumGetInt32(query_value(slot, 0, 0));
	routing->first_year = DatumGetInt32(query_value(slot, 1, 0));
	routing->last_year = DatumGetInt32(query_value(slot, 2, 0));
	Assert(routing->months_apart >= 0 && routing->months_apart <= MAX_MONTHS_APART);
}

static void
load_limits(Routing *routing, const Policy *policy)
{
	/* Of the layout of 0.1.0, which has no such table. */
	routing->months_apart = MAX_MONTHS_APART;
	routing->first_year = FIRST_YEAR_OF_DATES;
	routing->last_year = LAST_YEAR_OF_DATES;
	if (OidIsValid(get_relname_relid("posting_limit", ledger_engine_schema())))
		policy_each_row(
			policy,
			"SELECT l.months_apart, l.first_year, l.last_year FROM acct._posting_limits() l", NULL,
			take_limit, routing);
}

static void
add_match(Routing *routing, Match *match)
{
	CodeKey key = {match->named, MATCH_CODES, {match->codes[0], match->codes[1], match->codes[2]}};
	bool found;
	MatchEntry *entry;

	for (int i = 0; i < MATCH_CODES; i++)
		if (!(match->named & (1 << i)))
			key.codes[i] = code_from_cstring("");
	entry = code_map_enter(&routing->matches, &key, &found);
	if (entry->nmatches == entry->capacity)
	{
		entry->capacity = Max(4, entry->capacity * 2);
		entry->matches = entry->matches == NULL
							 ? palloc_array(Match *, entry->capacity)
							 : repalloc(entry->matches, sizeof(Match *) * entry->capacity);
	}
	entry->matches[entry->nmatches++] = match;
}

void
routing_forget(Routing *routing)
{
	MemoryContextReset(routing->route_context);
	routing->forgotten++;
	code_map_init(&routing->routes, "routes", sizeof(Route), routing->route_context);
	code_map_keep_index(&routing->routes);
}

Routing *
routing_load(Relation source, const Policy *policy, DateADT txn_month, bool moves_late, int nbases,
			 const Code *bases, TotalSet *totals)
{
	Routing *routing = palloc0_object(Routing);

	routing->context = CurrentMemoryContext;
	routing->totals = totals;
	routing->txn_month = txn_month;
	routing->moves_late = moves_late;
	routing->templates = template_load(source, policy, nbases, bases);
	routing->accounts = account_load(policy);
	routing->entities = entity_load(policy);
	routing->periods = period_load(policy);
	code_map_init(&routing->matches, "match rules", sizeof(MatchEntry), routing->context);
	code_map_init(&routing->currencies, "currencies", sizeof(Currency), routing->context);

	policy_each_row(policy, "SELECT c.currency, c.minor_units FROM acct.currency c", NULL,
					add_currency, routing);
	load_limits(routing, policy);
	routing->last_late_month = Min(month_after(txn_month, MAX_MONTHS_LATE),
								   date2j(routing->last_year, 12, 1) - POSTGRES_EPOCH_JDATE);
	for (int i = 0; i < routing->templates->nmatches; i++)
		add_match(routing, &routing->templates->matches[i]);
	make_epochs(routing);

	routing->route_context = GenerationContextCreate(routing->context, "routes", 0,
													 ALLOCSET_DEFAULT_INITSIZE, ROUTE_BLOCK_SIZE);
	routing->max_route_memory = Max(MIN_ROUTE_MEMORY, get_hash_memory_limit());
	routing_forget(routing);
	return routing;
}

void
routing_open_every_month(Routing *routing)
{
	routing->periods = period_none();
}

uint64
routing_forgotten(const Routing *routing)
{
	return routing->forgotten;
}

MemoryContext
routing_memory(Routing *routing)
{
	return routing->route_context;
}

TemplateSet *
routing_templates(Routing *routing)
{
	return routing->templates;
}

DateADT
routing_month(const Routing *routing)
{
	return routing->txn_month;
}

bool
routing_accepts_date(const Routing *routing, DateADT date)
{
	return date >= routing->first_accepted && date <= routing->last_accepted;
}

DateADT
routing_last_late_month(const Routing *routing)
{
	return routing->moves_late ? routing->last_late_month : 0;
}

char *
iso_date(DateADT date)
{
	struct pg_tm tm = {0};
	char text[MAXDATELEN + 1];

	j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return pstrdup(text);
}

char *
routing_date_problem(const Routing *routing, DateADT date)
{
	char *value = iso_date(date);
	char *month = iso_date(routing->txn_month);

	if (date >= routing->first_day && date < routing->first_day + routing->ndays)
		return psprintf("the value date %s is not in the years %d to %d", value,
						routing->first_year, routing->last_year);
	if (routing->months_apart == 0)
		return psprintf("the value date %s is not in the transaction month %s", value, month);
	return psprintf("the value date %s is more than %d %s from the transaction month %s", value,
					routing->months_apart, routing->months_apart == 1 ? "month" : "months", month);
}

static int
compare_candidates(const void *a, const void *b)
{
	return match_compare(((const Candidate *) a)->match, ((const Candidate *) b)->match);
}

/* Counts by basis, and once there is room notes, the rules that fit a route's codes and date. */
static void
collect_candidates(Routing *routing, Route *route, int *counts)
{
	for (int named = 0; named < (1 << MATCH_CODES); named++)
	{
		CodeKey key = {named, MATCH_CODES};
		MatchEntry *entry;

		for (int i = 0; i < MATCH_CODES; i++)
			key.codes[i] =
				(named & (1 << i)) ? route->key.codes[ROUTE_TXN_TYPE + i] : code_from_cstring("");
		entry = code_map_find(&routing->matches, &key);
		for (int i = 0; entry != NULL && i < entry->nmatches; i++)
		{
			Match *match = entry->matches[i];
			int basis = match->template->basis;

			if (!template_applies(match->template, route->date))
				continue;
			if (route->bases[basis].candidates != NULL)
			{
				Candidate *candidate = &route->bases[basis].candidates[counts[basis]];

				candidate->template = match->template;
				candidate->match = match;
			}
			counts[basis]++;
		}
	}
}

static void
find_candidates(Routing *routing, Route *route)
{
	int nbases = routing->templates->nbases;
	int *counts = palloc0_array(int, nbases);

	/* Count, then fill. */
	collect_candidates(routing, route, counts);
	for (int b = 0; b < nbases; b++)
		route->bases[b].candidates = palloc0_array(Candidate, counts[b] + 1);
	memset(counts, 0, sizeof(int) * nbases);
	collect_candidates(routing, route, counts);
	for (int b = 0; b < nbases; b++)
	{
		BasisRoute *basis = &route->bases[b];

		basis->ncandidates = counts[b];
		qsort(basis->candidates, counts[b], sizeof(Candidate), compare_candidates);
		for (int i = 0; i < counts[b]; i++)
			Assert(basis->candidates[i].template->basis == b &&
				   template_applies(basis->candidates[i].template, route->date));
	}
	pfree(counts);
}

/* Where the journals of a route and basis go: its own month, or the one that they are moved to. */
static void
set_period(Routing *routing, const Route *route, int b)
{
	BasisRoute *basis = &route->bases[b];
	Code entity = route->key.codes[ROUTE_ENTITY];
	Code code = routing->templates->bases[b];

	basis->period = period_state(routing->periods, entity, code, route->month);
	basis->je_month = route->month;
	if (basis->period == PERIOD_OPEN || !routing->moves_late)
		return;
	basis->je_month =
		period_next_open(routing->periods, entity, code, route->month, routing->last_late_month);
	basis->is_moved = basis->je_month != route->month;
	if (basis->is_moved)
		basis->period = PERIOD_OPEN;
}

/* What is wrong with the first of a route's codes that has something wrong with it; NULL: nothing. */
static const char *
find_code_problem(Routing *routing, const Route *route)
{
	for (int i = 0; i < CODE_KEY_MAX && routing->entities->is_kept; i++)
	{
		char *problem = code_problem(route->key.codes[i]);

		if (problem != NULL)
			return psprintf("%s %s", route_columns[i], problem);
	}
	return NULL;
}

static void
make_route(Routing *routing, Route *route, DateADT date)
{
	MemoryContext old = MemoryContextSwitchTo(routing->route_context);
	CodeKey currency_key = {0, 1, {route->key.codes[ROUTE_CURRENCY]}};
	Currency *currency = code_map_find(&routing->currencies, &currency_key);
	int nbases = routing->templates->nbases;

	route->date = date;
	route->month = month_of(date);
	route->entity = entity_find(routing->entities, route->key.codes[ROUTE_ENTITY]);
	route->code_problem = find_code_problem(routing, route);
	route->minor_units = currency ? currency->minor_units : -1;
	for (int i = 0; i < CODE_KEY_MAX; i++)
		route->codes[i] = code_to_datum(route->key.codes[i]);
	route->bases = palloc0_array(BasisRoute, nbases);
	for (int b = 0; b < nbases; b++)
		set_period(routing, route, b);
	find_candidates(routing, route);
	MemoryContextSwitchTo(old);
}

Route *
routing_find(Routing *routing, const Code codes[CODE_KEY_MAX], DateADT date)
{
	CodeKey key;
	Route *route;
	bool found;

	Assert(date >= routing->first_day && date < routing->first_day + routing->ndays);
	key.number = routing->epoch_of_day[date - routing->first_day];
	key.ncodes = CODE_KEY_MAX;
	memcpy(key.codes, codes, sizeof(key.codes));
	route = code_map_find(&routing->routes, &key);
	if (likely(route != NULL))
		return route;

	if (MemoryContextMemAllocated(routing->route_context, true) > routing->max_route_memory)
		routing_forget(routing);
	route = code_map_enter(&routing->routes, &key, &found);
	make_route(routing, route, date);
	return route;
}

void
routing_resolve(Routing *routing, Route *route, Candidate *candidate)
{
	Template *template = candidate->template;
	MemoryContext old = MemoryContextSwitchTo(routing->route_context);
	Code basis = routing->templates->bases[template->basis];
	const Code *codes = route->key.codes;
	Code *funds = palloc_array(Code, template->nlines + 1);
	RouteLine *lines = palloc0_array(RouteLine, template->nlines + 1);

	for (int i = 0; i < template->nlines; i++)
	{
		TemplateLine *spec = &template->lines[i];
		ResolvedAccount account =
			account_resolve(routing->accounts, codes[ROUTE_PRODUCT], codes[ROUTE_CHANNEL],
							spec->account_code, spec->fund, route->date);
		Code line_codes[LINE_CODES] = {
			[CODE_ENTITY] = codes[ROUTE_ENTITY],     [CODE_BASIS] = basis,
			[CODE_ACCOUNT] = account.account_code,   [CODE_FUND] = account.fund,
			[CODE_CURRENCY] = codes[ROUTE_CURRENCY], [CODE_PRODUCT] = codes[ROUTE_PRODUCT],
			[CODE_CHANNEL] = codes[ROUTE_CHANNEL]};
		int f = 0;

		while (f < candidate->nfunds && !code_equal(funds[f], account.fund))
			f++;
		if (f == candidate->nfunds)
			funds[candidate->nfunds++] = account.fund;
		lines[i].fund_index = f;
		lines[i].map_id = account.map_id;
		lines[i].problem = account.problem;
		lines[i].account_code = account.account_code;
		lines[i].fund = account.fund;
		lines[i].codes = digest_of_codes(line_codes);
		if (routing->totals != NULL)
			lines[i].total = run_total_find(routing->totals, codes[ROUTE_ENTITY], basis,
											route->bases[template->basis].je_month, account.fund,
											account.account_code, codes[ROUTE_CURRENCY]);
	}
	pfree(funds);
	candidate->lines = lines;
	MemoryContextSwitchTo(old);
}

static bool
same_entity(const Entity *a, const Entity *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->effective_from == b->effective_from && a->effective_to == b->effective_to;
}

/* The lines of a version that two policies have lead to the same accounts, by each in its own stretch of days. */
static bool
lead_alike(Routing *a, const Route *route_a, Routing *b, const Route *route_b,
		   const Template *template)
{
	const Code *codes = route_a->key.codes;

	for (int i = 0; i < template->nlines; i++)
	{
		const TemplateLine *spec = &template->lines[i];
		ResolvedAccount x = account_resolve(a->accounts, codes[ROUTE_PRODUCT], codes[ROUTE_CHANNEL],
											spec->account_code, spec->fund, route_a->date);
		ResolvedAccount y = account_resolve(b->accounts, codes[ROUTE_PRODUCT], codes[ROUTE_CHANNEL],
											spec->account_code, spec->fund, route_b->date);

		if (!code_equal(x.account_code, y.account_code) || !code_equal(x.fund, y.fund) ||
			(x.problem == NULL) != (y.problem == NULL) ||
			(x.problem != NULL && strcmp(x.problem, y.problem) != 0))
			return false;
	}
	return true;
}

bool
routing_alike(Routing *a, const Route *route_a, Routing *b, const Route *route_b, int basis)
{
	const BasisRoute *x = &route_a->bases[basis];
	const BasisRoute *y = &route_b->bases[basis];

	if (route_a->minor_units != route_b->minor_units ||
		!same_entity(route_a->entity, route_b->entity) || x->period != y->period ||
		x->je_month != y->je_month || x->ncandidates != y->ncandidates)
		return false;
	for (int i = 0; i < x->ncandidates; i++)
	{
		const Match *m = x->candidates[i].match;
		const Match *n = y->candidates[i].match;

		/* What a version says never changes once it is approved, and a draft is read once for both. */
		if (!code_equal(m->template->code, n->template->code) ||
			m->template->version != n->template->version || m->match_no != n->match_no ||
			!lead_alike(a, route_a, b, route_b, m->template))
			return false;
	}
	return true;
}

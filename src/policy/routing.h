/*
 * routing.h
 *		From a transaction's codes and date to the templates that may book it.
 *
 * A route holds all that depends on entity, transaction type, product, channel,
 * currency and date, and on nothing else of the transaction: the candidate
 * templates of each basis in the order in which they are tried, and for each
 * of their lines the account it leads to. It is worked out at the first
 * transaction that needs it and kept. Dates enter by their epoch: a stretch of
 * days within one month in which no template, account or map row begins or
 * ends, so that a few epochs serve a run.
 */
#ifndef LEDGER_ROUTING_H
#define LEDGER_ROUTING_H

#include "ledger/digest.h"
#include "ledger/run_total.h"
#include "policy/account.h"
#include "policy/entity.h"
#include "policy/period.h"
#include "policy/template.h"

/* Where one template line leads on a route. */
typedef struct RouteLine
{
	Code account_code;
	Code fund;
	int fund_index;      /* of the candidate's funds as mapped, from 0 */
	int64 map_id;        /* of the row of the map that led there; 0: none did */
	const char *problem; /* NULL: the account may be posted to */
	Digest codes;
	Total *total;
	void *slot; /* for whoever writes the line, to keep with it; NULL at first */
} RouteLine;

typedef struct Candidate
{
	Template *template;
	Match *match;
	RouteLine *lines; /* as the template's; NULL until first used */
	int nfunds;
	void *slot; /* for whoever writes the header, as that of a line; both live as long as lines */
} Candidate;

typedef struct BasisRoute
{
	PeriodState period; /* of je_month */
	DateADT je_month;
	bool is_moved; /* to a later month than the route's own: journals are of its first day */
	int ncandidates;
	Candidate *candidates; /* in the order in which they are tried */
} BasisRoute;

typedef struct Route
{
	CodeKey key;  /* entity, txn_type, product, channel, currency; the epoch */
	DateADT date; /* a day of the epoch */
	DateADT month;
	const Entity *entity;      /* NULL: it is not registered */
	const char *code_problem;  /* of one of the codes; NULL: none has any */
	int minor_units;           /* of the currency; -1: there is none such */
	Datum codes[CODE_KEY_MAX]; /* as text, in the order of the key */
	void *slot;                /* for whoever compares routes; NULL at first */
	BasisRoute *bases;         /* one for each basis of the run */
} Route;

/* The date of a route's journals in a basis, for a transaction of a date. */
static inline DateADT
route_je_date(const Route *route, int basis, DateADT date)
{
	return route->bases[basis].is_moved ? route->bases[basis].je_month : date;
}

/* The order of codes in a route's key. */
enum
{
	ROUTE_ENTITY,
	ROUTE_TXN_TYPE,
	ROUTE_PRODUCT,
	ROUTE_CHANNEL,
	ROUTE_CURRENCY
};

/* The columns of the source that they stand in. */
extern const char *const route_columns[CODE_KEY_MAX];

typedef struct Routing Routing;

/*
 * Reads a policy for a run of a month; needs query_open(). All lives in the current
 * context. totals NULL: lines of routes have none. moves_late: journals of a month that is closed are moved to the next
 * open one of their book, and all else follows the date of the transaction.
 */
extern Routing *routing_load(Relation source, const Policy *policy, DateADT txn_month,
							 bool moves_late, int nbases, const Code *bases, TotalSet *totals);

/* Forgets all routes, and with them what is kept in their slots. That also happens by itself, when they are many: the number tells. */
extern void routing_forget(Routing *routing);
extern uint64 routing_forgotten(const Routing *routing);

/* Where what is kept in slots of routes can live: it goes with them. */
extern MemoryContext routing_memory(Routing *routing);

/*
 * Whether a transaction comes to the same in a basis by either route: those of one transaction by two policies, whose
 * bases have the same numbers. True where the same template versions are tried in the same order, and all that
 * they need is the same; nothing is evaluated.
 */
extern bool
routing_alike(Routing *a, const Route *route_a, Routing *b, const Route *route_b, int basis);

/* Has journals of closed and archived months built, for one whose journals have another date; before the first route. */
extern void routing_open_every_month(Routing *routing);

extern TemplateSet *routing_templates(Routing *routing);

/* What acct.posting_limit can allow at most. */
#define MAX_MONTHS_APART 12

/* How many months after the transaction month the month may be that late journals are moved to. */
#define MAX_MONTHS_LATE 60

/* The month that it was loaded for. */
extern DateADT routing_month(const Routing *routing);

/* The months and years within which a journal date may lie (acct.posting_limit). */
extern bool routing_accepts_date(const Routing *routing, DateADT date);

/* The last month that late journals can be moved to; 0: they are not moved. */
extern DateADT routing_last_late_month(const Routing *routing);

/* Why a date is not accepted; in the current context. */
extern char *routing_date_problem(const Routing *routing, DateADT date);

/* As YYYY-MM-DD, in the current context. */
extern char *iso_date(DateADT date);

/* The route of a transaction; valid until the next call. The date is accepted, or the run's month. */
extern Route *routing_find(Routing *routing, const Code codes[CODE_KEY_MAX], DateADT date);

/* Makes candidate->lines. */
extern void routing_resolve(Routing *routing, Route *route, Candidate *candidate);

#endif

/*
 * template.h
 *		The approved templates of a run, read once and compiled when first used.
 */
#ifndef LEDGER_TEMPLATE_H
#define LEDGER_TEMPLATE_H

#include "common/code_map.h"
#include "policy/expression.h"
#include "policy/policy.h"

#include "utils/date.h"

typedef struct TemplateLine
{
	int line_no;
	bool is_debit;
	bool is_balancing;
	Code account_code;
	Code fund;
	int fund_index; /* of the template's funds, from 0 */
	const char *amount_text;
	const char *condition_text; /* NULL: always */
	Expression *amount;
	Expression *condition;
} TemplateLine;

/* A memo is the beginning of the template's description: as much as has a one-byte header. */
#define MEMO_SIZE (VARATT_SHORT_MAX - VARHDRSZ_SHORT)

typedef struct Template
{
	Code code;
	Datum code_datum;
	Datum memo; /* of its journals, as text; 0: none */
	int version;
	int basis; /* index of the run's bases; -1: of another, which it may have moved to */
	DateADT effective_from;
	DateADT effective_to; /* exclusive; DATEVAL_NOEND: none */
	bool ignore;
	bool require_balanced;
	bool balance_by_fund;
	bool skip_zero_lines;
	bool reject_negative;
	struct Template *newer; /* the next version of the same code, or NULL */

	int nlines;
	TemplateLine *lines; /* by line_no */
	int nfunds;
	bool is_compiled;
	bool may_fail; /* some expression is one that the server evaluates */
} Template;

/* A match rule; its codes are txn_type, product_code, channel. */
typedef struct Match
{
	Template *template;
	int match_no;
	int priority;
	int named; /* bit i: code i is named, else any fits */
	Code codes[3];
	const char *condition_text; /* NULL: always */
	Expression *condition;
	bool is_compiled;
} Match;

typedef struct TemplateSet
{
	Relation source; /* whose columns expressions name */
	MemoryContext context;
	int nbases;
	const Code *bases;
	int ntemplates;
	Template *templates; /* by code, then version */
	int nmatches;
	Match *matches;
	CodeMap compiled; /* expressions by their texts */
} TemplateSet;

/*
 * Reads the approved (and retired) templates of the given bases into the
 * current memory context. Needs query_open().
 */
extern TemplateSet *
template_load(Relation source, const Policy *policy, int nbases, const Code *bases);

/* The version is in effect on the date; it is, and no newer version of its code is. */
extern bool template_in_effect(const Template *template, DateADT date);
extern bool template_applies(const Template *template, DateADT date);

/* The order in which rules that fit a transaction are tried. */
extern int match_compare(const Match *a, const Match *b);

/* Compile the lines of a template, or the condition of a match; LE004 where that fails. */
extern void template_compile(TemplateSet *set, Template *template);
extern void match_compile(TemplateSet *set, Match *match);

#endif

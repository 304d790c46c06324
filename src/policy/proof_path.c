/*
 * proof_path.c
 *		Goes through the ways of an evaluation (see proof_path.h).
 *
 * Signs that contradict each other are found by Fourier's elimination over all
 * real numbers: what it finds is right, what it misses, or is too much for it,
 * only makes a path more.
 */
#include "policy/proof_path.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* Inequalities that an elimination may come to, and all of a proof; beyond, the signs count as possible. */
#define MAX_INEQUALITIES 64
#define MAX_COMBINATIONS 50000

/* Decisions that are told of a path. */
#define MAX_TOLD 4

ProofPath *
path_create(AtomTable *atoms, const SourceFacts *facts, int nknown, KnownCode *known)
{
	ProofPath *path = palloc0_object(ProofPath);

	path->atoms = atoms;
	path->facts = facts;
	path->nknown = nknown;
	path->known = known;
	return path;
}

bool
path_next(ProofPath *path)
{
	CHECK_FOR_INTERRUPTS();
	if (path->npaths > 0)
	{
		while (path->ndecisions > 0 && path->decisions[path->ndecisions - 1].choice + 1 ==
										   path->decisions[path->ndecisions - 1].nchoices)
			path->ndecisions--;
		if (path->ndecisions == 0)
			return false;
		path->decisions[path->ndecisions - 1].choice++;
	}
	path->npaths++;
	path->nmade = 0;
	path->equalities = list_copy(path->facts->equalities);
	path->signs = list_copy(path->facts->signs);
	path->is_impossible = path->is_too_long = false;
	return true;
}

LinearForm *
path_reduce(ProofPath *path, const LinearForm *form)
{
	return form_reduce(path->atoms, form, path->equalities);
}

/* The next decision, which is made anew or was made on the path before; NULL where the path ends. */
static Decision *
next_decision(ProofPath *path, DecisionKind kind, int nchoices)
{
	Decision *decision;

	if (path->is_impossible)
		return NULL;
	if (path->nmade == MAX_DECISIONS)
	{
		path->is_impossible = path->is_too_long = true;
		return NULL;
	}
	decision = &path->decisions[path->nmade++];
	if (path->nmade > path->ndecisions)
	{
		path->ndecisions = path->nmade;
		memset(decision, 0, sizeof(Decision));
		decision->kind = kind;
		decision->nchoices = nchoices;
	}
	Assert(decision->kind == kind && decision->nchoices == nchoices);
	return decision;
}

static Datum
coefficient_of(const LinearForm *form, const Atom *atom)
{
	for (int i = 0; i < form->nterms; i++)
		if (form->terms[i].atom == atom)
			return form->terms[i].coefficient;
	return (Datum) 0;
}

static bool
is_positive(Datum number)
{
	return form_sign_of_constant(form_constant(number)) > 0;
}

SignFact *
sign_fact(const LinearForm *form, bool is_strict)
{
	SignFact *fact = palloc_object(SignFact);

	fact->form = form;
	fact->is_strict = is_strict;
	return fact;
}

/* Two inequalities of which one bounds an atom from below and one from above, without it. */
static SignFact *
combine(const SignFact *a, const SignFact *b, Datum coefficient_a, Datum coefficient_b)
{
	const SignFact *low = is_positive(coefficient_a) ? a : b;
	const SignFact *high = low == a ? b : a;
	Datum of_low = low == a ? coefficient_a : coefficient_b;
	Datum of_high = low == a ? coefficient_b : coefficient_a;

	return sign_fact(
		form_subtract(form_multiply(high->form, of_low), form_multiply(low->form, of_high)),
		a->is_strict || b->is_strict);
}

/* Inequalities without an atom that follow from some; NIL with too_many where they are too many. */
static List *
eliminate(ProofPath *path, List *facts, const Atom *atom, bool *too_many)
{
	List *bounds = NIL;
	List *rest = NIL;
	ListCell *lc;
	ListCell *lc2;

	foreach(lc, facts)
	{
		SignFact *fact = lfirst(lc);

		if (coefficient_of(fact->form, atom) == (Datum) 0)
			rest = lappend(rest, fact);
		else
			bounds = lappend(bounds, fact);
	}
	foreach(lc, bounds)
	{
		SignFact *a = lfirst(lc);
		Datum x = coefficient_of(a->form, atom);

		for_each_cell(lc2, bounds, lnext(bounds, lc))
		{
			SignFact *b = lfirst(lc2);
			Datum y = coefficient_of(b->form, atom);

			if (is_positive(x) != is_positive(y))
			{
				rest = lappend(rest, combine(a, b, x, y));
				path->ncombined++;
			}
			if (list_length(rest) > MAX_INEQUALITIES || path->ncombined > MAX_COMBINATIONS)
			{
				*too_many = true;
				return NIL;
			}
		}
	}
	return rest;
}

/* False where no numbers satisfy the inequalities; true where some do, and where it is not known. */
static bool
is_satisfiable(ProofPath *path, List *facts)
{
	bool too_many = false;

	for (;;)
	{
		const Atom *atom = NULL;
		ListCell *lc;

		foreach(lc, facts)
		{
			const SignFact *fact = lfirst(lc);

			if (fact->form->nterms > 0)
				atom = fact->form->terms[0].atom;
			else if (form_sign_of_constant(fact->form) < (fact->is_strict ? 1 : 0))
				return false;
		}
		if (atom == NULL)
			return true;
		facts = eliminate(path, facts, atom, &too_many);
		if (too_many)
			return true;
		CHECK_FOR_INTERRUPTS();
	}
}

static void
check_signs(ProofPath *path)
{
	List *facts = NIL;
	ListCell *lc;

	foreach(lc, path->signs)
	{
		const SignFact *fact = lfirst(lc);

		facts = lappend(facts, sign_fact(path_reduce(path, fact->form), fact->is_strict));
	}
	if (!is_satisfiable(path, facts))
		path->is_impossible = true;
}

/* The sign of a form that the decisions before have settled. */
static bool
find_sign(ProofPath *path, const LinearForm *form, int *sign)
{
	if (form->nterms == 0)
	{
		*sign = form_sign_of_constant(form);
		return true;
	}
	for (int i = 0; i < path->nmade; i++)
	{
		const Decision *decision = &path->decisions[i];
		int ratio;

		if (decision->kind != DECISION_SIGN)
			continue;
		ratio = form_ratio_sign(form, path_reduce(path, decision->form));
		if (ratio != 0)
		{
			*sign = decision->choice == 0 ? ratio : decision->choice == 1 ? -ratio : 0;
			return true;
		}
	}
	return false;
}

static LinearForm *
keep_form(ProofPath *path, const LinearForm *form)
{
	MemoryContext old = MemoryContextSwitchTo(path->atoms->context);
	LinearForm *copy = form_copy(form);

	MemoryContextSwitchTo(old);
	return copy;
}

/* True of a form that is one product. */
static bool
is_product(const LinearForm *form)
{
	return form->nterms == 1 && form_sign_of_constant(form_constant(form->constant)) == 0 &&
		   form->terms[0].atom->kind == ATOM_FUNCTION &&
		   form->terms[0].atom->function == F_NUMERIC_MUL;
}

int
path_sign(ProofPath *path, const LinearForm *form)
{
	LinearForm *reduced = path_reduce(path, form);
	Decision *decision;
	int sign;

	if (is_product(reduced))
		return form_sign_of_constant(form_constant(reduced->terms[0].coefficient)) *
			   path_sign(path, reduced->terms[0].atom->args[0]) *
			   path_sign(path, reduced->terms[0].atom->args[1]);
	if (find_sign(path, reduced, &sign))
		return sign;
	decision = next_decision(path, DECISION_SIGN, 3);
	if (decision == NULL)
		return 1;
	if (decision->form == NULL)
		decision->form = keep_form(path, form);
	switch (decision->choice)
	{
		case 0:
			path->signs = lappend(path->signs, sign_fact(reduced, true));
			break;
		case 1:
			path->signs = lappend(path->signs, sign_fact(form_negate(reduced), true));
			break;
		default:
			/* What cannot be put into other forms is kept as two inequalities. */
			if (!form_add_equality(path->atoms, reduced, NULL, &path->equalities))
			{
				path->signs = lappend(path->signs, sign_fact(reduced, false));
				path->signs = lappend(path->signs, sign_fact(form_negate(reduced), false));
			}
	}
	check_signs(path);
	return decision->choice == 0 ? 1 : decision->choice == 1 ? -1 : 0;
}

int
path_choose_value(ProofPath *path, const Atom *atom, int nchoices)
{
	Decision *decision;

	for (int i = 0; i < path->nmade; i++)
		if (path->decisions[i].kind == DECISION_VALUE && path->decisions[i].atom == atom)
			return path->decisions[i].choice;
	if (nchoices == 1)
		return 0;
	decision = next_decision(path, DECISION_VALUE, nchoices);
	if (decision == NULL)
		return 0;
	decision->atom = atom;
	return decision->choice;
}

/* The column of "column = constant"; NULL of anything else. */
static const Var *
compared_column(const Node *node, const Const **constant)
{
	const OpExpr *op = (const OpExpr *) node;
	char *name;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2 || !IsA(linitial(op->args), Var) ||
		!IsA(lsecond(op->args), Const))
		return NULL;
	name = get_opname(op->opno);
	if (name == NULL || strcmp(name, "=") != 0)
		return NULL;
	*constant = lsecond_node(Const, op->args);
	return linitial_node(Var, op->args);
}

static bool
are_texts(const Const *a, const Const *b)
{
	return a->consttype == TEXTOID && b->consttype == TEXTOID && !a->constisnull && !b->constisnull;
}

/* Are two texts of which each is a constant the same, however they are written? */
static bool
is_same_text(const Const *a, const Const *b)
{
	return DatumGetBool(
		DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a->constvalue, b->constvalue));
}

/*
 * The choice for "column = constant" where it follows from one for a constant; -1: it does not. In an order that
 * takes several texts for equal, a column may be equal to more than one.
 */
static int
choice_by_constant(ProofPath *path, const Node *node)
{
	const Const *constant;
	const Var *column = compared_column(node, &constant);

	for (int i = 0; column != NULL && i < path->nmade; i++)
	{
		const Decision *decision = &path->decisions[i];
		const Const *other;
		const Var *other_column;
		bool is_same;

		if (decision->kind != DECISION_TRUTH)
			continue;
		other_column = compared_column(decision->node, &other);
		if (other_column == NULL || other_column->varattno != column->varattno ||
			((OpExpr *) decision->node)->opno != ((OpExpr *) node)->opno ||
			((OpExpr *) decision->node)->inputcollid != ((OpExpr *) node)->inputcollid ||
			!are_texts(constant, other) ||
			!get_collation_isdeterministic(((OpExpr *) node)->inputcollid))
			continue;
		is_same = is_same_text(constant, other);
		if (is_same || decision->choice == 0)
			return is_same ? decision->choice : 1;
	}
	return -1;
}

int
path_choose_truth(ProofPath *path, Node *node, int nchoices)
{
	Decision *decision;
	int choice;

	for (int i = 0; i < path->nmade; i++)
		if (path->decisions[i].kind == DECISION_TRUTH && equal(path->decisions[i].node, node))
			return path->decisions[i].choice;
	choice = choice_by_constant(path, node);
	if (choice >= 0)
		return choice;
	decision = next_decision(path, DECISION_TRUTH, nchoices);
	if (decision == NULL)
		return 0;
	if (decision->node == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(path->atoms->context);

		decision->node = copyObject(node);
		MemoryContextSwitchTo(old);
	}
	return decision->choice;
}

static char *
decision_text(const ProofPath *path, const Decision *decision)
{
	static const char *const signs[] = {"> 0", "< 0", "= 0"};
	static const char *const truths[] = {"%s", "NOT (%s)", "(%s) IS NULL"};
	Relation source = path->atoms->source;

	if (decision->kind == DECISION_SIGN)
		return psprintf("%s %s", form_text(path->atoms, decision->form), signs[decision->choice]);
	if (decision->kind != DECISION_TRUTH)
		return NULL;
	return psprintf(truths[decision->choice],
					deparse_expression(decision->node,
									   deparse_context_for(RelationGetRelationName(source),
														   RelationGetRelid(source)),
									   false, false));
}

char *
path_text(const ProofPath *path)
{
	StringInfoData text;
	int told = 0;

	initStringInfo(&text);
	for (int i = 0; i < path->nmade && told < MAX_TOLD; i++)
	{
		char *decision = decision_text(path, &path->decisions[i]);

		if (decision == NULL)
			continue;
		appendStringInfo(&text, "%s%s", told == 0 ? "" : " AND ", decision);
		told++;
	}
	return text.data;
}

/*
 * proof_path.h
 *		Every way that the evaluation of some expressions can go.
 *
 * What an evaluation does depends on decisions: whether a number is positive,
 * a column is NULL, a condition is true. The first evaluation takes the first
 * choice of each decision that it meets; each later one repeats those of the
 * one before up to the last that has a choice left, and takes that. So the
 * evaluations go through all combinations of choices, without those that the
 * earlier decisions and the CHECK constraints of the source rule out.
 */
#ifndef LEDGER_PROOF_PATH_H
#define LEDGER_PROOF_PATH_H

#include "policy/linear_form.h"

/* Combinations that are gone through, and decisions in one of them. */
#define MAX_PATHS     1024
#define MAX_DECISIONS 64

/* What is known of a column of the source in every row. */
typedef struct ColumnFacts
{
	bool is_never_null;
	bool is_finite; /* where it is not NULL: neither NaN nor infinite */
	int scale;      /* decimals that it has at most, or SCALE_UNKNOWN */
} ColumnFacts;

/* A form that is positive, or not negative. */
typedef struct SignFact
{
	const LinearForm *form;
	bool is_strict;
} SignFact;

extern SignFact *sign_fact(const LinearForm *form, bool is_strict);

/* What is known of every row: facts of columns, by number from 0, and equalities and signs of forms. */
typedef struct SourceFacts
{
	ColumnFacts *columns;
	List *equalities;
	List *signs;
} SourceFacts;

typedef enum DecisionKind
{
	DECISION_SIGN,  /* of a form: the choices are positive, negative, zero */
	DECISION_VALUE, /* of an atom: the choices are those of ValueKind that it may have */
	DECISION_TRUTH  /* of an expression: the choices are true, false and perhaps NULL */
} DecisionKind;

typedef struct Decision
{
	DecisionKind kind;
	const LinearForm *form;
	const Atom *atom;
	Node *node;
	int choice;
	int nchoices;
} Decision;

/* A column whose value is known, such as the type that a match rule names. */
typedef struct KnownCode
{
	AttrNumber column;
	Datum value; /* text */
} KnownCode;

typedef struct ProofPath
{
	AtomTable *atoms;
	const SourceFacts *facts;
	int nknown;
	KnownCode *known;

	int npaths;    /* begun */
	int ncombined; /* inequalities, on all paths: the work that is left to do is bounded */
	int ndecisions;
	int nmade; /* of these, on this path so far */
	Decision decisions[MAX_DECISIONS];
	List *equalities;
	List *signs;
	bool is_impossible; /* no row takes this path */
	bool is_too_long;   /* it has more decisions than are followed */
} ProofPath;

extern ProofPath *
path_create(AtomTable *atoms, const SourceFacts *facts, int nknown, KnownCode *known);

/* Begins the first path, or the next; false where there is none left. */
extern bool path_next(ProofPath *path);

/*
 * The choices. On a path that is impossible they mean nothing. A form's sign is
 * 1, -1 or 0.
 */
extern int path_sign(ProofPath *path, const LinearForm *form);
extern int path_choose_value(ProofPath *path, const Atom *atom, int nchoices);
extern int path_choose_truth(ProofPath *path, Node *node, int nchoices);

/* The form by the equalities of the path. */
extern LinearForm *path_reduce(ProofPath *path, const LinearForm *form);

/* The decisions of the path about amounts and conditions, as SQL; "" where it has none. */
extern char *path_text(const ProofPath *path);

#endif

/*
 * post_lines.h
 *		The pass over a run's lines: extents of an account are copied, by several
 *		processes where there are workers; other lines are written row by row.
 */
#ifndef LEDGER_POST_LINES_H
#define LEDGER_POST_LINES_H

#include "post/post_run.h"

typedef struct LinePass LinePass;

/* Plans the pass, and makes partitions as long as what is copied to them. */
extern LinePass *post_lines_open(Post *post, Relation staging);

/* Starts workers. Between this and post_lines_copy() the leader can do what parallel mode allows. */
extern void post_lines_launch(LinePass *pass);

/* Copies extents until all are, and waits for the workers. */
extern void post_lines_copy(LinePass *pass);

/* Writes the lines that were not copied. */
extern void post_lines_write_rest(LinePass *pass);

/* Adds the lines that were copied to the seals. Needs the others to be there. */
extern void post_lines_seal(LinePass *pass);

extern void post_lines_close(LinePass *pass);

#endif

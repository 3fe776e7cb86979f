package fsck

import (
	"context"
	"errors"
	"io/fs"

	"github.com/armalo/receiptlog/storage/kv"
)

// checkLogs reads the write-ahead logs and the list of tables, before the
// database does: it would take the first damage for the end of the log.
func checkLogs(report *Report, o Options) error {
	found, err := kv.CheckLogs(o.Dir, o.Storage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is no database, as opening it will say
	}
	for _, d := range found {
		report.damage("file", d.File, errors.New(d.Holds+": "+d.Detail))
	}
	return err
}

// unopened ends the report on a database that cannot be opened, with which of
// its tables are whole. Where it has another reason than damage it is an error.
func unopened(ctx context.Context, report *Report, o Options, err error) (*Report, error) {
	for _, reason := range []error{kv.ErrLocked, kv.ErrNotExist, kv.ErrOrigin, kv.ErrVersion} {
		if errors.Is(err, reason) {
			return nil, err
		}
	}
	report.damage("database", "", err)
	found, tables, err := kv.CheckTableFiles(ctx, o.Dir, o.Storage)
	report.addTables(found, tables)
	return report, err
}

// checkTables verifies every block of every table.
func (c *checker) checkTables(ctx context.Context) error {
	found, tables, err := c.db.CheckTables(ctx)
	if err != nil {
		return err
	}
	c.report.addTables(found, tables)
	return nil
}

func (r *Report) addTables(hurt []kv.FileDamage, tables int) {
	for _, d := range hurt {
		r.damage("file", d.File, errors.New(d.Holds+": "+d.Detail))
	}
	r.Tables, r.TablesSound = tables, tables-len(hurt)
}

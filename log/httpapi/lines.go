package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/armalo/receiptlog/client/verdict"
)

// lineReader cuts an NDJSON body into lines of bounded length.
type lineReader struct {
	r      *bufio.Reader
	max    int
	number int // of the line returned last, from 1
}

func newLineReader(r io.Reader, max int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), max: max}
}

// next returns the next line that is not blank, without its newline, in the
// memory of dst as far as that goes. A line that is too long is skipped to its
// end and reported as too_large; the lines after it can be read. The last line
// needs no newline where the body ended properly. All other errors end the
// body: io.EOF, or what the connection said.
func (l *lineReader) next(dst []byte) ([]byte, error) {
	for {
		line, err := l.line(dst[:0])
		if err != nil || len(line) > 0 {
			return line, err
		}
	}
}

// line reads one line, which may be blank.
func (l *lineReader) line(line []byte) ([]byte, error) {
	tooLong := false
	for first := true; ; first = false {
		part, err := l.r.ReadSlice('\n')
		if first && len(part) == 0 && err != nil {
			return nil, err
		}
		if first {
			l.number++
		}
		if len(line)+len(part) > l.max+len("\r\n") {
			tooLong, line = true, nil
		} else if !tooLong {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			l.number-- // broke off: half a line is no line
			return nil, err
		}
		if tooLong {
			return nil, verdict.Errorf(verdict.TooLarge, "", "a line may have at most %d bytes", l.max)
		}
		return bytes.TrimSpace(line), nil
	}
}

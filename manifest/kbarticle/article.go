package kbarticle

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/lazyregexp"
)

var (
	labelledKB    = lazyregexp.New(`(?i)^[\s_*•-]*(?:original kb number|kb number|knowledge base (?:article )?number|article(?: id| number)?|artikel-id|文書番号|id de artículo|id do artigo|num[ée]ro (?:de |d['’])(?:l['’])?article|num[ée]ro (?:de|d['’]une|de la) (?:ko|kb|base de connaissances) d['’]origine|id d['’]article|id(?:entificativo)? articolo|numero (?:dell['’])?articolo|numero (?:ko|kb) originale)\s*[:：]\s*[_*]*\s*(?:KB|Q)?\s?(\d{5,7})\b`)
	printedKB     = lazyregexp.New(`(?i)(?:^|[^a-z0-9])KB ?(\d{5,7})(?:\D|$)`)
	leadingKB     = lazyregexp.New(`^\s*(?:KB ?|Q)(\d{5,7})\s*[:：–-]`)
	trailingKB    = lazyregexp.New(`[(（](?:KB ?)?(\d{5,7})[)）]\.?\s*$`)
	namedKB       = lazyregexp.New(`(?i)(?:^|[^a-z0-9])(?:KB|Q)[-_ ]?(\d{5,7})(?:\D|$)`)
	anyNumber     = lazyregexp.New(`(?:^|[^0-9,.])(\d{6,7})(?:[^0-9,.]|[,.](?:\D|$)|$)`)
	leadingNumber = lazyregexp.New(`^\s*(?:KB ?)?(\d{6,7})\b`)
	productOf     = lazyregexp.New(`^Product\(s\):\s*(\S.*)$`)
	siteSuffix    = lazyregexp.New(`\s+[|–—-]\s+(?:Microsoft Support|KnowledgeBase Archive|Microsoft Docs|Microsoft Learn)\s*$`)
	kbPrefix      = lazyregexp.New(`^(?:KB|Q)\s?\d{5,7}\s*[:：-]?\s*`)

	itemForm = lazyregexp.New(`^(?:[-*+•]|\d{1,2}[.)])\s+`)

	servicePackEnd = lazyregexp.New(`^(\S.*?)\s+(?:SP|Service Pack )\s?(\d)$`)
	servicePackAny = lazyregexp.New(`(?i)\bSP\s?\d|service pack`)
)

// article is what the text around the tables says about all of them.
type article struct {
	kb         string // digits
	title      string
	product    string
	superseded []supersedes
	notes      []note
}

// supersedes is the article that replaces this one, with numbers that stand for
// it by a slip.
type supersedes struct {
	kb      string
	aliases []string
}

// titleBlocks is how many lines with text at the top may be headings of the whole.
const titleBlocks = 12

func (d *document) article(fileName string) *article {
	a := &article{notes: slices.Clone(d.notes)}
	a.findKB(d, fileName)
	a.findTitle(d)
	for _, b := range d.blocks {
		if m := productOf().FindStringSubmatch(strings.TrimSpace(short(b.text))); m != nil {
			a.product = strings.TrimSpace(m[1])
			break
		}
	}
	a.findSuperseding(d)
	return a
}

// short is the text of a line as far as patterns are tried on it.
func short(s string) string { return s[:min(len(s), maxColumnLine)] }

// maxProse bounds, in bytes, how much of a line is searched for numbers and marks:
// no paragraph is longer.
const maxProse = 64 << 10

// fileListName is how Microsoft calls the file lists that come with hotfix bundles
// of ConfigMgr 2012 and later. They have no text that could tell the number, and
// the patches in them may be named after another one.
var fileListName = lazyregexp.New(`(?i)^KB(\d{6,7})_FileList(?:\W|$)`)

// findKB takes the article's number from where it is most certain: the name of a
// file list, a label, the title, the only number of the text, at last the name of
// any other file.
func (a *article) findKB(d *document, fileName string) {
	if m := fileListName().FindStringSubmatch(filepath.Base(fileName)); m != nil {
		a.kb = m[1]
		return
	}
	for _, b := range d.blocks {
		if m := labelledKB().FindStringSubmatch(simplify(short(b.text))); m != nil {
			a.kb = m[1]
			return
		}
	}
	marked, plain := d.heads()
	forms := []*regexp.Regexp{trailingKB(), leadingKB(), printedKB()}
	heads := append([]string{d.title}, marked...)
	if marked == nil {
		heads, forms = append(heads, plain...), forms[:2]
	}
	for _, form := range forms {
		for _, h := range heads {
			if m := form.FindStringSubmatch(h); m != nil {
				a.kb = m[1]
				return
			}
		}
	}
	numbers, inTable := d.printedNumbers()
	if len(numbers) == 1 {
		a.kb = numbers[0].number
		if !inTable {
			a.notes = append(a.notes, note{line: numbers[0].line, text: "KB" + a.kb, message: "the article does not tell its number; this is the only one in its text"})
		}
		return
	}
	if m := namedKB().FindStringSubmatch(filepath.Base(fileName)); m != nil {
		a.kb = m[1]
		a.notes = append(a.notes, note{text: filepath.Base(fileName), message: "the article does not tell its number; it is taken from the name of the file"})
		return
	}
	if len(numbers) > 1 {
		a.notes = append(a.notes, note{line: numbers[0].line, text: "KB" + numbers[0].number, message: fmt.Sprintf("the article does not tell its number, and %d different ones occur in its text", len(numbers))})
	}
}

// mention is a number at its first place in the text.
type mention struct {
	number string
	line   int
}

// printedNumbers lists the numbers that follow the letters KB, and tells whether
// one is in a table: a package carries the number of its article.
func (d *document) printedNumbers() (numbers []mention, inTable bool) {
	see := func(line int, text string) bool {
		all := printedKB().FindAllStringSubmatch(text, maxNumbers)
		for _, m := range all {
			if !slices.ContainsFunc(numbers, func(n mention) bool { return n.number == m[1] }) && len(numbers) < maxNumbers {
				numbers = append(numbers, mention{m[1], line})
			}
		}
		return len(all) > 0
	}
	for _, b := range d.blocks {
		see(b.line, b.text[:min(len(b.text), maxProse)])
		for _, row := range b.rows() {
			for _, c := range row {
				inTable = see(c.line, c.text) || inTable
			}
		}
	}
	return numbers, inTable
}

// maxNumbers bounds how many different articles an article is searched for.
const maxNumbers = 100

// heads returns the headings at the top, and the lines that may be headings in
// text that does not mark them.
func (d *document) heads() (marked, plain []string) {
	for _, b := range d.blocks {
		text := strings.TrimSpace(short(b.text))
		switch {
		case b.heading && len(marked) < titleBlocks:
			marked = append(marked, text)
		case text != "" && len(plain) < titleBlocks:
			plain = append(plain, text)
		}
	}
	return marked, plain
}

// findTitle prefers the heading that ends with the article's number, as security
// bulletins have it, then the title of the page, then a heading that begins with
// the number.
func (a *article) findTitle(d *document) {
	marked, plain := d.heads()
	heads := append(marked, plain...)
	for _, h := range heads {
		if m := trailingKB().FindStringSubmatch(h); m != nil && m[1] == a.kb {
			a.title = cleanTitle(h, a.kb)
			return
		}
	}
	a.title = d.title
	if i := slices.IndexFunc(heads, leadingKB().MatchString); a.title == "" && i >= 0 {
		a.title = heads[i]
	}
	a.title = cleanTitle(a.title, a.kb)
}

// cleanTitle takes the article's number and the name of the site out of a title.
func cleanTitle(s, kb string) string {
	s = kbPrefix().ReplaceAllString(siteSuffix().ReplaceAllString(s, ""), "")
	if m := trailingKB().FindStringSubmatchIndex(s); m != nil && s[m[2]:m[3]] == kb {
		s = s[:m[0]]
	}
	return quoted(s)
}

var (
	// supersededForm are the ways to say that another article replaces this one.
	supersededForm = lazyregexp.New(`(?i)superseded by|replaced by|supersedes this|replaces this|置き換えられ|ersetzt durch|wird durch|abgelöst|reemplazad[ao] por|sustituid[ao] por|substituíd[ao] por|заменен[оаы]?\s|remplacée?s? par|remplace (?:ce|cette)|sostituit[oaie] da|sostituisce quest|заменяется|대체되|대체된|取代|替换为|替代`)
	// notSuperseded are signs that the sentence says the opposite.
	notSuperseded = lazyregexp.New(`(?i)\bnot\b|by this|ありません|\bnicht\b|durch diese|\bno se\b|por est[ae]|\bnão\b|par (?:ce|cette)\s|\bne remplace|\bn['’]est pas|\bne sont pas|\bda quest|\bnon (?:è|sono|viene|sostitui)|не замен|않|이 업데이트로|不|此(?:更新|修补程序)(?:所)?取代`)
	sentenceEnd   = lazyregexp.New(`[。．！？\n]|[.!?](?:\s|$)`)
)

// findSuperseding reads which article replaces this one. Two numbers that differ
// in one digit are one article, misprinted once: the one nearer to this article's
// own number is reported, the other kept as an alias.
func (a *article) findSuperseding(d *document) {
	all, found := d.mentions(a.kb)
	for _, f := range found {
		number, line, misprint := f.number, f.line, mention{}
		for _, other := range all {
			if !oneDigitApart(f.number, other.number) {
				continue
			}
			misprint = other
			if a.distance(other.number) < a.distance(f.number) {
				number, line, misprint = other.number, other.line, f
			}
			break
		}
		if slices.ContainsFunc(a.superseded, func(s supersedes) bool { return s.kb == number }) {
			continue
		}
		s := supersedes{kb: number}
		if misprint.number != "" {
			s.aliases = []string{misprint.number}
			a.notes = append(a.notes, note{line: misprint.line, text: misprint.number, message: fmt.Sprintf("KB%s differs in one digit from KB%s on line %d; taken for a misprint of it", misprint.number, number, line)})
		}
		a.superseded = append(a.superseded, s)
	}
}

// maxMentions bounds how many numbers are compared with each other.
const maxMentions = 1000

// mentions lists the numbers in the text that could be articles, apart from its
// own, and those in sentences that say that this article is replaced.
func (d *document) mentions(own string) (all, replacing []mention) {
	announced := false // "… in the following article:", with the number below
	for _, b := range d.blocks {
		if announced && strings.TrimSpace(b.text) != "" {
			announced = false
			if m := leadingNumber().FindStringSubmatch(short(b.text)); m != nil && m[1] != own {
				replacing = append(replacing, mention{m[1], b.line})
			}
		}
		for rest := b.text[:min(len(b.text), maxProse)]; len(rest) >= 6 && len(all) < maxMentions; {
			end := len(rest)
			if m := sentenceEnd().FindStringIndex(rest); m != nil {
				end = m[1]
			}
			sentence := rest[:end]
			rest = rest[end:]
			numbers := anyNumber().FindAllStringSubmatch(sentence, maxMentions-len(all))
			replaced := (len(numbers) > 0 || endsWithColon(b.text)) && supersededForm().MatchString(sentence) && !notSuperseded().MatchString(sentence)
			announced = announced || replaced && len(numbers) == 0
			for _, m := range numbers {
				if m[1] == own {
					continue
				}
				all = append(all, mention{m[1], b.line})
				if replaced {
					replacing = append(replacing, mention{m[1], b.line})
				}
			}
		}
	}
	return all, replacing
}

func endsWithColon(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")
}

func oneDigitApart(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n == 1
}

// distance is how far a number lies from the article's own: numbers are given in
// the order of time.
func (a *article) distance(number string) int {
	own, _ := strconv.Atoi(a.kb)
	n, _ := strconv.Atoi(number)
	return max(own-n, n-own)
}

// caption finds the text that announces a table: a title inside of it; the line
// above it, unless that is a sentence or says only that there are files; or the
// nearest heading.
func (d *document) caption(t *fileTable) string {
	if t.title != "" {
		return trimCaption(t.title)
	}
	above := true
	for i := t.block - 1; i >= 0; i-- {
		b := d.blocks[i]
		if b.table != nil {
			above = false
			continue
		}
		text := strings.TrimSpace(b.text)
		if text == "" {
			continue
		}
		caption := trimCaption(text)
		generic := caption == "" || fileInformation[wordKey(short(caption))] || labelledKB().MatchString(short(text)) || productOf().MatchString(short(text))
		wrapped := i > 0 && d.blocks[i-1].line == b.line-1 && len(strings.TrimSpace(d.blocks[i-1].text)) >= wrapWidth
		sentence := wrapped || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "。")
		if !generic && (b.heading || above && !sentence && len(text) <= maxColumnLine) {
			return caption
		}
		above = above && generic
	}
	return ""
}

// wrapWidth is the length from which a line is one of a wrapped paragraph, so that
// the line below it is a part of a sentence.
const wrapWidth = 50

// trimCaption cuts off the colon of a caption and the phrase "file information".
func trimCaption(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.TrimRight(itemForm().ReplaceAllString(s, ""), " :：*")
	words := strings.Fields(s)
	for n := 1; n <= min(4, len(words)-1); n++ {
		if fileInformation[wordKey(strings.Join(words[len(words)-n:], " "))] {
			return strings.Join(words[:len(words)-n], " ")
		}
	}
	return s
}

// productAndServicePack reads "Product SP2" and "Product Service Pack 2". A list
// of products is none.
func productAndServicePack(caption string) (product, servicePack string) {
	m := servicePackEnd().FindStringSubmatch(short(caption))
	if m == nil || strings.ContainsAny(m[1], ",;、") || servicePackAny().MatchString(m[1]) || strings.Contains(m[1], "(") {
		return "", ""
	}
	for _, and := range []string{" and ", " und ", " および ", " и ", " 및 ", " y ", " 和 ", " e ", " et ", " for ", " unter "} {
		if strings.Contains(m[1], and) {
			return "", ""
		}
	}
	return m[1], "SP" + m[2]
}

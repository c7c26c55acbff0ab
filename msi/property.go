package msi

// Property returns a value of the Property table, "" where there is none
// (Windows Installer: Property table).
func (db *Database) Property(name string) string {
	t := db.Table("Property")
	if t == nil || name == "" {
		return ""
	}
	row, ok := t.Find(String(name))
	if !ok {
		return ""
	}
	return row.String("Value")
}

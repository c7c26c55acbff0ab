package main

// examples are command lines for the help of each command, without the program's
// name. The files are those of a clone, or stand for the user's own.
var examples = map[string][]string{
	"": {
		"stage SCCM2007-SP2-KB977203-ENU.msi -o out",
		"extract product.msi -o image",
		"verify image --manifest kb977203-sp2",
		"info setup.exe",
	},
	"info": {
		"info product.msi",
		"info product.msi --actions",
		"info --no-signature --json *.msi",
		"info 'outer.rpm//opt/product/inner.msi'",
	},
	"list": {
		"list product.msi --tree",
		"list --json-lines *.msi",
		"list patch.msp --base product.msi",
	},
	"extract": {
		"extract product.msi -o image",
		"extract product.msi -o dlls --layout flat --include '*.dll'",
		"extract product.msi -o streams --layout streams --include 'Binary/*'",
		"extract product.msi --patch first.msp --patch second.msp -o image",
	},
	"cat": {
		"cat product.msi CCMCertFix.exe > CCMCertFix.exe",
		"cat product.msi Logs/KB977203/CCMCertFix.exe --json",
	},
	"tables": {
		"tables product.msi",
		"tables product.msi File Component --format csv",
	},
	"diff": {
		"diff old.msi new.msi",
	},
	"verify": {
		"verify SCCM2007-SP2-KB977203-ENU.msi --manifest kb977203",
		"verify image --manifest recorded.json --report report.html",
		"verify image --manifest kb977203-sp2 --require-signature --publisher 'Microsoft Corporation'",
	},
	"stage": {
		"stage SCCM2007-SP2-KB977203-ENU.msi -o out --package-id ABC00012",
		"stage SCCM2007-SP2-KB977203-ENU.msi -o out --superseded-by KB977384",
	},
	"manifest":        {"manifest list", "manifest import article.html > kb.json"},
	"manifest list":   {"manifest list"},
	"manifest show":   {"manifest show kb977203-sp2"},
	"manifest import": {"manifest import article.html > kb.json", "manifest import pasted.txt --syntax text"},
	"manifest create": {"manifest create image --id release-7 > release-7.json"},
	"manifest schema": {"manifest schema > manifest.schema.json"},
	"help":            {"help extract", "help manifest import"},
	"man":             {"man > /usr/local/share/man/man1/hotfix.1"},
	"version":         {"version", "version --json"},
	"completion":      {"completion bash > /etc/bash_completion.d/hotfix"},
}

// Package distpoint stages the distribution-point content of a ConfigMgr 2007
// client hotfix: the i386\hotfix tree with the client patch, the CCMCertFix
// program package, the installation properties, and the evidence that goes with
// them.
//
// The facts come from Microsoft's public KB articles 977203, 977384 and 907423
// and from the documentation of ConfigMgr 2007.
package distpoint

#!/usr/bin/env bash
# Makes the documentation as a site: artifacts/docs/site/index.html. A warning (a link that leads nowhere, an unknown reference) is an error.
#
#   docs/build.sh [--no-build]      --no-build: of what was built last (dotnet build -c Release tests/MlNetCifar.Tests)
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

dotnet tool restore
# The tests have all packages' assemblies, their documentation, and what they stand on, in one folder.
[ "${1:-}" = --no-build ] || dotnet build -c Release --nologo -v q tests/MlNetCifar.Tests
rm -rf artifacts/docs
dotnet run -c Release docs/errors.cs -- . artifacts/docs/errors.md
dotnet docfx metadata docfx.json --warningsAsErrors
dotnet docfx build docfx.json --warningsAsErrors
echo "artifacts/docs/site/index.html; to look at it: dotnet docfx serve artifacts/docs/site"

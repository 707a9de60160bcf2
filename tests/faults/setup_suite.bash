# The same engine, images and git servers as around the integration tests.
# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/../integration/setup_suite.bash"

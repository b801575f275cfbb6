#!/bin/sh
# Fetches ucum-essence.xml 2.2 as published: see NOTICE.md.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
pip download --quiet --no-deps --dest "$dir" ucumvert==0.3.2
python3 -m zipfile -e "$dir"/ucumvert-0.3.2-py3-none-any.whl "$dir/wheel"
head -c -1 "$dir/wheel/ucumvert/vendor/ucum-essence.xml" >"$dir/ucum-essence.xml"
echo "dfccea1b5dc284245ebae97edd1dc03c45864da4e87df55bc9851797b4fd0b61  $dir/ucum-essence.xml" | sha256sum -c -
cp "$dir/ucum-essence.xml" "$(dirname "$0")/ucum-essence.xml"
